"""What runs in a home, and how it is told to."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from federim.trust.changes import NAME_PATTERN


class Role(StrEnum):
    """What runs in a home, and so what it may hold (DESIGN: who uses it, and what runs where)."""

    SITE = "site"
    HUB = "hub"
    WORKSPACE = "workspace"


class Settings(BaseSettings):
    """The whole configuration of a home: `federim.toml`, each setting overridable by `FEDERIM_…`."""

    model_config = SettingsConfigDict(env_prefix="FEDERIM_", extra="forbid", frozen=True)

    role: Role
    name: str = Field(
        pattern=f"^{NAME_PATTERN.pattern}$", description="the site, hub or workspace's short name"
    )
    database_url: str = Field(
        default="sqlite:///federim.sqlite3",
        description="audit and governance: sqlite:///FILE (relative to the home) or postgresql://…",
    )
    vault_url: str = Field(
        default="",
        pattern=r"^(|postgres(ql)?://.+)$",
        description="identities: '' is a SQLite file in the home; postgresql://…?schema=NAME a schema "
        "(federim_vault, if not said) of a role's own",
    )
    minimum_cohort: int = Field(default=10, ge=10, description="fewest persons a round or plan may run on")
    small_cell: int = Field(default=11, ge=11, description="counts below this never leave")
    registers: tuple[str, ...] = Field(
        default=(),
        description="authorities (OID, or name as DICOM writes it) that number this site's patients; none "
        "listed: a number of type PI or MR is the site's own whoever gave it",
    )
    test_identities: bool = Field(default=False, description="accept INS of the test and demo OIDs")
    key_server: str = Field(
        default="",
        pattern=r"^(|embedded:.+|https://[^/\s]+)$",
        description="who evaluates blinded INS: '' is this home's own key (links nobody across sites), "
        "embedded:FILE or embedded:FOLDER a key server in this process, https://HOST:PORT one far away",
    )
    key_server_ca: str = Field(
        default="", description="PEM file: who vouches for the key server's certificate"
    )
    key_server_certificate: str = Field(
        default="", description="PEM file: what this site shows the key server; its operator knows it"
    )
    key_server_key: str = Field(default="", description="PEM file: the private key of that certificate")
    key_server_public: str = Field(
        default="",
        pattern="^(|[0-9a-f]{64})$",
        description="public key of the key server's epoch, compared over a second channel; "
        "federim trust add --kind key-server says the same, and takes several",
    )
    reidentifications_a_day: int = Field(
        default=3, ge=0, description="how many persons may be recognised within 24 hours"
    )
    retention_years: int = Field(
        default=20, ge=1, le=20, description="how long anything is kept for research, at most; then purge"
    )
    review_months: int = Field(
        default=24,
        ge=1,
        le=60,
        description="how long a dataset is kept before somebody says whether it still serves",
    )
    verify_key_server: bool = Field(
        default=True, description="have the key server prove that it used the key of its public one"
    )
    objects_url: str = Field(
        default="",
        pattern=r"^(|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)$",
        description="where a site keeps de-identified instances: '' is a folder of the home; "
        "s3://BUCKET/PREFIX a bucket that keeps no versions",
    )
    objects_copies_gb: int = Field(
        default=20, ge=1, description="gigabytes of copies kept in the home of what is in that bucket"
    )
    s3_endpoint: str = Field(
        default="",
        pattern=r"^(|https://[^/\s@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?)$",
        description="'' is Amazon's; https://HOST:PORT another store that speaks S3",
    )
    s3_region: str = Field(default="", description="'' is what the environment says")
    s3_credentials: str = Field(
        default="",
        description="file of mode 0400 with aws_access_key_id and aws_secret_access_key under [default]; "
        "'' takes them from the environment or the machine's instance profile",
    )
    query_memory: str = Field(default="2GB", pattern=r"^[0-9]+(MB|GB)$", description="DuckDB's memory limit")
    training_cache: str = Field(
        default="",
        pattern=r"^(|[0-9]+(MB|GB|TB))$",
        description="room for series as they were decoded for training, such as 50GB; '' keeps none",
    )
    query_seconds: int = Field(default=60, ge=1, description="longest a researcher's query may run")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 — the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which `Home.open` passes as the initial values."""
        return env_settings, init_settings
