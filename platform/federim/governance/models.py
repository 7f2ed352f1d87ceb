"""What governance remembers: members, requests, opinions, decisions and releases."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from federim.model.export import Ballot, MemberRole, Status
from federim.model.reidentification import Standing


class Member(models.Model):
    """Someone who acts in a home, and in which roles."""

    name = models.CharField(max_length=80, unique=True)
    roles: models.JSONField[list[str], list[str]] = models.JSONField(default=list)

    class Meta:
        db_table = "governance_member"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def has(self, role: MemberRole) -> bool:
        return role.value in self.roles


class Request(models.Model):
    """One request for an export, from draft to its end. An amendment is a child request."""

    number = models.CharField(max_length=20, unique=True)  # 2026-014
    author = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="requests")
    amends = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="amendments")
    status = models.CharField(max_length=30, default=Status.DRAFT.value)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "governance_request"
        ordering = ("number",)
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in Status]), name="request_status_is_known"
            ),
        )

    def __str__(self) -> str:
        return self.number

    @property
    def stands(self) -> Status:
        return Status(self.status)


class Revision(models.Model):
    """One wording of a request: the package a committee decides on, named by its hash."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()  # from 1
    definition = models.JSONField()
    sha256 = models.CharField(max_length=64)
    submitted_at = models.DateTimeField(null=True)  # frozen from then on

    class Meta:
        db_table = "governance_revision"
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("request", "number"), name="one_revision_a_number"),)

    def __str__(self) -> str:
        return f"{self.request.number} r{self.number}"


class SiteReport(models.Model):
    """What one site measured of the risk of one package, signed by the site."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="reports")
    site = models.CharField(max_length=40)
    acceptable = models.BooleanField()
    document = models.JSONField()

    class Meta:
        db_table = "governance_site_report"
        ordering = ("site",)
        constraints = (models.UniqueConstraint(fields=("revision", "site"), name="one_report_a_site"),)

    def __str__(self) -> str:
        return f"{self.revision} at {self.site}"


class Review(models.Model):
    """The examination of one revision: how many votes it needs, and until when."""

    revision = models.OneToOneField(Revision, on_delete=models.PROTECT, related_name="review")
    quorum = models.PositiveIntegerField()
    due = models.DateField()
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "governance_review"

    def __str__(self) -> str:
        return f"review of {self.revision}"


class Seat(models.Model):
    """One member of the committee as it stood when the review was opened."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="seats")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="seats")
    recused = models.BooleanField(default=False)
    recusal_reason = models.TextField(blank=True)

    class Meta:
        db_table = "governance_seat"
        ordering = ("member__name",)
        constraints = (models.UniqueConstraint(fields=("review", "member"), name="one_seat_a_member"),)

    def __str__(self) -> str:
        return f"{self.member} in the {self.review}"


class Vote(models.Model):
    """What a member of the committee said, once and with a reason."""

    seat = models.OneToOneField(Seat, on_delete=models.PROTECT, related_name="vote")
    ballot = models.CharField(max_length=30)
    reason = models.TextField()
    conditions = models.TextField(blank=True)
    cast_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "governance_vote"
        ordering = ("cast_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(ballot__in=[ballot.value for ballot in Ballot]), name="ballot_is_known"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="a_vote_has_a_reason"),
        )

    def __str__(self) -> str:
        return f"{self.ballot} from {self.seat.member}"


class Decision(models.Model):
    """What the home decided for one site, as it signed it. A later one for the same site replaces it."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="decisions")
    site = models.CharField(max_length=40)
    outcome = models.CharField(max_length=30)
    starts = models.DateField()
    ends = models.DateField()
    document = models.JSONField()
    issued_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "governance_decision"
        ordering = ("issued_at",)
        constraints = (
            models.UniqueConstraint(fields=("review", "site", "outcome"), name="one_decision_an_outcome"),
        )

    def __str__(self) -> str:
        return f"{self.outcome} for {self.site}"


class ReceivedDecision(models.Model):
    """At a site: what another home decided on a workspace here, as it signed it."""

    package = models.CharField(max_length=64)
    issuer = models.CharField(max_length=40)
    project = models.CharField(max_length=60)
    document = models.JSONField()

    class Meta:
        db_table = "governance_received_decision"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("package", "issuer"), name="one_received_decision_a_package"),
        )

    def __str__(self) -> str:
        return f"decision of {self.issuer} on {self.project}"


class Revocation(models.Model):
    """A decision taken back, known by the package's hash: at the home that decided, and at each site told."""

    package = models.CharField(max_length=64)
    issuer = models.CharField(max_length=40)
    document = models.JSONField()

    class Meta:
        db_table = "governance_revocation"
        constraints = (models.UniqueConstraint(fields=("package", "issuer"), name="one_revocation"),)

    def __str__(self) -> str:
        return f"revocation by {self.issuer}"


class Release(models.Model):
    """One package that left one site: at the site that built it, and at the hub that was told.

    It names the request instead of pointing at it, since a site holds no row of the hub's requests.
    """

    name = models.CharField(max_length=120, unique=True)
    issuer = models.CharField(max_length=40)  # whose decision it rests on
    request_number = models.CharField(max_length=20)
    package = models.CharField(max_length=64)
    site = models.CharField(max_length=40)
    cohort_snapshot = models.CharField(max_length=120)
    project = models.CharField(max_length=60)
    manifest_sha256 = models.CharField(max_length=64)
    document = models.JSONField()
    countersignature = models.JSONField(null=True)
    built_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "governance_release"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Recognition(models.Model):
    """One request of a site to know who a pseudonym stands for. It never says whom."""

    number = models.PositiveIntegerField(unique=True)  # from 1
    ticket = models.CharField(max_length=40)
    ground = models.CharField(max_length=30)
    person = models.CharField(max_length=64)  # keyed digest, hexadecimal: under the vault's own key
    standing = models.CharField(max_length=10)
    asked_by = models.CharField(max_length=80)
    asked_at = models.DateTimeField()
    answered_by = models.CharField(max_length=80, blank=True)
    answered_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "governance_recognition"
        ordering = ("number",)
        constraints = (
            models.CheckConstraint(
                condition=Q(standing__in=[standing.value for standing in Standing]), name="standing_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(answered_by=models.F("asked_by")), name="two_people_recognise"
            ),
        )

    def __str__(self) -> str:
        return f"re-identification {self.number}"


class RelevanceReview(models.Model):
    """What a site's officer said of a dataset: it serves, and is kept until a day."""

    dataset = models.CharField(max_length=120)  # a snapshot's id as it was then, a release's name, "lake"
    reason = models.CharField(max_length=500)
    keep_until = models.DateField()
    reviewed_by = models.CharField(max_length=80)
    reviewed_at = models.DateTimeField()

    class Meta:
        db_table = "governance_relevance_review"
        ordering = ("reviewed_at", "id")
        constraints = (models.CheckConstraint(condition=~Q(reason=""), name="a_review_has_a_reason"),)

    def __str__(self) -> str:
        return f"{self.dataset} until {self.keep_until}"
