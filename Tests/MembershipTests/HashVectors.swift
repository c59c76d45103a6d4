/// What `StableHash` must give for ever. Order and companion hash of `count` bytes 0, 1, 2, … 250, 0, 1 ….
let hashVectors: [HashVector] = [
    HashVector(count: 0, order: 0x58DF_E6D6_AA3A_4B8E, companion: 0x423D_0209_0A34_BECD),
    HashVector(count: 1, order: 0x458B_BFBB_CEBA_7C20, companion: 0x34D8_2E67_FBEF_0422),
    HashVector(count: 2, order: 0x579E_6CA4_7D4A_9741, companion: 0xE0EE_B2C6_FE21_65A0),
    HashVector(count: 3, order: 0xBB30_654E_1016_9338, companion: 0x31C4_C9F1_B0C8_5859),
    HashVector(count: 4, order: 0xFF78_E62C_271F_34BB, companion: 0xDE5C_721B_BFB2_03F3),
    HashVector(count: 7, order: 0x50B7_0B00_814E_1649, companion: 0x7411_36D2_4C38_2767),
    HashVector(count: 8, order: 0x3F1F_F0D1_1B3E_339A, companion: 0x4B7A_D316_4077_0228),
    HashVector(count: 9, order: 0x1B6D_9D6A_3CE4_3DC0, companion: 0x0230_FD8F_4D48_C820),
    HashVector(count: 15, order: 0x2B78_854A_9CA0_EDF5, companion: 0x6A84_FE49_A887_5C83),
    HashVector(count: 16, order: 0xDE29_BAB3_DBE5_1467, companion: 0x88F1_AA83_0F21_2662),
    HashVector(count: 17, order: 0x82C9_6CDB_4955_11B3, companion: 0xF2D7_7D1B_45F3_7655),
    HashVector(count: 31, order: 0xEC13_974C_F5CF_182F, companion: 0xA9FB_7237_DF67_EE1B),
    HashVector(count: 32, order: 0xA46F_0905_E78B_8CD7, companion: 0xE222_2D27_1EC5_ED90),
    HashVector(count: 33, order: 0x84CF_C6B1_4F1E_5A69, companion: 0xF55F_1133_306E_C9AF),
    HashVector(count: 63, order: 0x8012_109B_894C_BC13, companion: 0xD9D6_1DC1_8943_7B00),
    HashVector(count: 64, order: 0x7931_CB26_DBE4_2D01, companion: 0x3CEB_CBC9_7B3E_9129),
    HashVector(count: 65, order: 0xCCC1_605C_A2C4_823E, companion: 0x2E61_45B4_5B42_9ADA),
    HashVector(count: 80, order: 0x0731_C2B5_3DAA_3C72, companion: 0xCE16_FCB5_C6BB_C6DD),
    HashVector(count: 128, order: 0xA09A_FBE5_9F4B_7B5C, companion: 0xA634_449B_2E0E_5C70),
    HashVector(count: 129, order: 0xCA03_ABBA_410A_EEA0, companion: 0x7AC3_58CB_010D_E299),
    HashVector(count: 1000, order: 0x9C06_D2A6_CCB1_3FDA, companion: 0xB5FE_D21D_B0D4_D907),
    HashVector(count: 1024, order: 0xCB20_F7A6_9783_CA24, companion: 0xF75D_0163_19DB_1270),
    HashVector(count: 131072, order: 0x1157_A41B_5D2A_324F, companion: 0x0552_C716_1E78_48D3),
]

/// `00112233-4455-6677-8899-aabbccddeeff` as a packed UUID.
let packedVector = HashVector(count: 0, order: 0x3EEA_8929_DA19_585A, companion: 0xC00C_8B50_492C_3EB0)
