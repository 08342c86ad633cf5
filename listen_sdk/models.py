"""Where an organization's calls may be heard."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from anyreach.organizations.models import Organization, OrganizationsOwn, User

# As browsers write an origin, without a default port. IPv6 addresses and names with "_" are left
# out: in frame-ancestors, Chromium does not take them for sources.
ORIGIN_FORM = r"^https?://[a-z0-9-]+(\.[a-z0-9-]+)*\.?(:[0-9]{1,5})?$"


class EmbedOrigin(models.Model):
    """A page's origin that may embed the listening frame. While there are none, any page may."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="embed_origins"
    )
    origin = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = OrganizationsOwn.as_manager()

    class Meta:
        ordering = ["origin"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "origin"], name="embed_origin_once"),
            models.CheckConstraint(
                condition=Q(origin__regex=ORIGIN_FORM)
                & ~Q(origin__regex=r"^http:.*:80$")
                & ~Q(origin__regex=r"^https:.*:443$"),
                name="embed_origin_form",
            ),
        ]

    def __str__(self) -> str:
        return self.origin

    @property
    def is_safe(self) -> bool:
        """Whether nobody between a supervisor and this page can read or change it."""
        host = self.origin.split("://")[1].split(":")[0]
        return self.origin.startswith("https:") or host in ("localhost", "127.0.0.1")
