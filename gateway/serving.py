"""The gateway's server: `python -m gateway.serving --port 8001`."""

from __future__ import annotations

import argparse

import uvicorn

from gateway.call_frames import MAX_FRAME_BYTES
from include.logs import LOGGING
from include.settings import get_settings

GRACE_SECONDS = 10  # for answers that are being given, before the process ends


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    arguments = parser.parse_args()
    settings = get_settings()
    proxies = settings.trusted_proxies
    uvicorn.run(
        "gateway.app:create_app",
        factory=True,
        host=arguments.host,
        port=arguments.port,
        log_config=LOGGING,
        access_log=False,  # gateway/request_log.py has it, without queries
        proxy_headers=bool(proxies),
        forwarded_allow_ips="*" if proxies else None,
        server_header=False,
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,  # it is sound; what is inflated could fill the memory
        ws_ping_interval=settings.call_ping_seconds,
        ws_ping_timeout=settings.call_ping_seconds,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


if __name__ == "__main__":
    main()
