"""Bring what a source tells of a patient into the one spelling in which the vault keeps it."""

from __future__ import annotations

from federim.home import Settings
from federim.identity import ins
from federim.model.errors import IdentityError
from federim.model.identifiers import IdentityStatus, Ipp, LocalId, PatientIdentity


class Canonical:
    """How one site reads identities, going by its settings."""

    def __init__(self, settings: Settings) -> None:
        self._test_identities = settings.test_identities
        self._registers = frozenset(settings.registers)

    def identity(self, told: PatientIdentity) -> tuple[PatientIdentity, tuple[str, ...]]:
        """The identity as the vault keeps it, each number in its one spelling; and its INS' contradictions.

        An INS that is not qualified proves nothing of who a person is (référentiel national
        d'identitovigilance), nor does one that contradicts the record it stands in. So it never joins two
        records: it is left aside beside a local identifier, and serves as one where it comes alone.

        Raises
        ------
        IdentityError
            An identifier is malformed, or its authority is not accepted here.
        """
        local = tuple(dict.fromkeys(self._local(each) for each in told.local))
        if told.national is None:
            return PatientIdentity(local=local), ()
        national = ins.check(told.national, test_identities=self._test_identities)
        doubts = ins.contradictions(national.value, birth_date=told.birth_date, sex=told.sex)
        if national.status is IdentityStatus.QUALIFIED and not doubts:
            return PatientIdentity(local=local, national=national), ()
        alone = (LocalId(issuer=national.oid, value=Ipp(national.value)),)
        return PatientIdentity(local=local or alone), doubts

    def _local(self, told: LocalId) -> LocalId:
        value, issuer = told.value.strip(), told.issuer.strip()
        if self._registers:
            issuer = issuer or told.authority.strip()
        if issuer in self._registers:
            issuer = ""
        if not value:
            raise IdentityError("a local identifier is blank; expected at least one character")
        try:
            f"{issuer}{value}".encode()
        except UnicodeEncodeError:
            # What a wrongly declared character set leaves. Python's own message would quote it.
            raise IdentityError(
                "a local identifier holds characters outside Unicode; correct its source"
            ) from None
        return LocalId(issuer=issuer, value=Ipp(value))
