"""A model for the agents of Strands, which must have one."""

from typing import Any

from strands.models.model import Model


class Stub(Model):
    """Always answers the same, and can ask for a redaction first."""

    def __init__(self, redact: bool = False) -> None:
        self.redact = redact

    def update_config(self, **_: Any) -> None:
        pass

    def get_config(self) -> dict[str, Any]:
        return {}

    async def structured_output(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError
        yield

    async def stream(self, *_: Any, **__: Any) -> Any:
        if self.redact:
            yield {"redactContent": {"redactUserContentMessage": "[redacted]"}}
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        yield {"contentBlockDelta": {"delta": {"text": "Grüße 日本語 😀 \u2028"}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}
