import Foundation
import Testing

/// A name whose address changes (reliability.md, N21): the look-up is made by a process of its own, whose resolver answers what
/// a file says.
@Suite struct MovingNameTests {
    /// A TLS server at two addresses of one port, which prints the port, and the address of every connection.
    private static let server = """
        import http.server, ssl, sys, threading
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            def do_POST(self):
                self.rfile.read(int(self.headers['Content-Length']))
                self.send_response(200)
                self.send_header('Content-Length', '0')
                self.end_headers()
            def log_message(self, *words): pass
        class Server(http.server.ThreadingHTTPServer):
            def process_request(self, request, peer):
                print(self.server_address[0], flush=True)
                super().process_request(request, peer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain('name.pem', 'name.key')
        first = Server(('127.0.0.1', 0), Handler)
        second = Server(('127.0.0.2', first.server_address[1]), Handler)
        for server in (first, second):
            server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        print(first.server_address[1], flush=True)
        sys.stdin.read()
        """

    private func shell(_ command: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(command)")
    }

    @Test func aNameIsLookedUpAnewOnceItsConnectionIsOld() throws {
        let folder = NSTemporaryDirectory() + "rollcall-moving-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("MovingName/moving_name.c").path
        try shell("""
            cd '\(folder)' && ${CC:-clang} -shared -fPIC -O1 -Wall -Werror -o name.so '\(source)' -ldl && openssl req -x509 \
            -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=moving.test \
            -addext subjectAltName=DNS:moving.test -keyout name.key -out name.pem 2>/dev/null
            """)
        let printed = URL(fileURLWithPath: folder + "/printed")
        let address = URL(fileURLWithPath: folder + "/address")
        try Data().write(to: printed)
        let lines = { String(decoding: (try? Data(contentsOf: printed)) ?? Data(), as: UTF8.self).split(separator: "\n").map(String.init) }
        let server = Process()
        let input = Pipe()
        server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        server.arguments = ["python3", "-c", Self.server]
        server.currentDirectoryURL = URL(fileURLWithPath: folder)
        server.standardInput = input
        server.standardOutput = try FileHandle(forWritingTo: printed)
        try server.run()
        defer { server.terminate() }
        let end = ContinuousClock.now + .seconds(60)
        while lines().isEmpty, server.isRunning, ContinuousClock.now < end { usleep(10_000) }
        let port = try #require(lines().first, "python3 does not serve")
        let probe = try HTTPProbe(environment: [
            "LD_PRELOAD": folder + "/name.so", "MOVING_NAME": address.path, "HTTP_PROBE_CONNECTION_LIFE": "3",
            "HTTP_PROBE_CERTIFICATES": folder + "/name.pem",
        ])
        let ask = { probe.exchange("https://moving.test:\(port)/", deadline: 10_000, bodyBytes: 1)?.status }
        try Data("127.0.0.1".utf8).write(to: address)
        try #require(ask() == 200)
        try Data("127.0.0.2".utf8).write(to: address)
        // A young connection is used again, whatever the name says by now; in use all the time, it is given up for its age alone.
        var answered = 0
        while lines().count < 3, ContinuousClock.now < end {
            try #require(ask() == 200)
            answered += 1
            usleep(50_000)
        }
        #expect(lines() == [port, "127.0.0.1", "127.0.0.2"] && answered > 1, "\(lines()), \(answered) requests")
    }
}
