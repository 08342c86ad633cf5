"""make demo-phone, where it cannot be."""

import pytest

from anyreach.demo import __main__ as demo


def test_a_livekit_of_somebody_else_is_refused():
    environment = {"BASE_URL": "http://localhost:8000", "LIVEKIT_URL": "wss://livekit.example"}
    with pytest.raises(demo.DemoFailed, match="unset LIVEKIT_URL"):
        demo.livekit_of_the_demo(environment, with_phones=True)
