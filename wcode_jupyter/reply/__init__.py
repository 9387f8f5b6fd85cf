"""What arrives, and what it becomes: the events of a stream, and the Reply that they build."""

from __future__ import annotations

from .pending import PendingReply
from .reply import Choice, CodeBlock, Ended, ErrorInfo, Reply, Timing, fault_of

__all__ = ["Choice", "CodeBlock", "Ended", "ErrorInfo", "PendingReply", "Reply", "Timing", "fault_of"]
