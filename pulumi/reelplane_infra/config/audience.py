"""Who watches and how much: the numbers that sizes and prices start from."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from reelplane_infra.config.base import Config


class Audience(Config):
    """The users of an environment on an average day. The defaults are rows S4.1 and S4.24."""

    daily_users: PositiveInt
    """People who open the service on a day."""
    minutes_per_user_day: PositiveFloat = 10
    """Minutes of video that one of them watches."""
    bitrate_mbps: PositiveFloat = 1.5
    """Mean bitrate delivered, megabits per second (10^6)."""
    hit_rate: float = Field(default=0.95, ge=0, lt=1)
    """Share of the bytes that the CDN serves without asking the origin."""
    uploads_per_day: int = Field(default=0, ge=0)
    """Videos added, by upload or by download."""
    megabytes_per_upload: PositiveFloat = 32.5
    """Stored per video, all renditions together, 10^6 bytes (3.25 PB a day over 100 million uploads: row S4.1)."""
    requests_per_user_day: PositiveFloat = 100
    """API requests that one of them makes."""
    archive_days: PositiveInt = 365
    """Days of uploads that are stored: a price is that of the month after as many days."""
