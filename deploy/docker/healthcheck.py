"""Exit 0 when the role in this container answers PATH (argument 1, /readyz) with 200.

Standard library only and little of it: it is started every few seconds.
"""

import os
import socket
import sys


def main() -> int:
    """Ask the container's own port."""
    path = sys.argv[1] if len(sys.argv) > 1 else "/readyz"
    port = int(os.environ.get("PATHWAY_HTTP_PORT", "8080"))
    try:
        with socket.create_connection(("127.0.0.1", port), 2.5) as connection:
            connection.settimeout(2.5)
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            status = connection.recv(64).split(b" ")
    except OSError:
        return 1
    return 0 if status[1:2] == [b"200"] else 1


sys.exit(main())
