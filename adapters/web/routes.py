"""What does monitoring ask? /healthz: is this alive; /readyz: can it do its work, and what keeps it; /metrics: figures."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.web.heartbeat import Heartbeat
from bot.views import Views

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of Prometheus' text format, which `Views.metrics` speaks."""


def monitoring(views: Views, heartbeat: Heartbeat) -> Sequence[Route]:
    async def healthz(_: Request) -> Response:
        return JSONResponse(
            {
                "service": "darkroom",
                "alive": not heartbeat.hung,
                "uptime_seconds": round(heartbeat.uptime, 1),
                "loop_lag_seconds": round(heartbeat.lag, 3),
            },
            status_code=503 if heartbeat.hung else 200,
        )

    async def readyz(_: Request) -> Response:
        readiness = await views.readiness()
        return JSONResponse(
            {"ready": readiness.ready, "problems": readiness.problems},
            status_code=200 if readiness.ready else 503,
        )

    async def metrics(_: Request) -> Response:
        return Response(await views.metrics(), headers={"Content-Type": METRICS_TYPE})

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]
