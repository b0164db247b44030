"""The forms of the admin."""

from datetime import datetime

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from django_app.models import ApiToken


class ApiTokenForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only in the stubs
    """Create or change an API token."""

    class Meta:
        model = ApiToken
        fields = ("owner", "name", "read_only", "expires_at", "ends_with_password")

    def clean_expires_at(self) -> datetime | None:
        """Refuse a new token that has already expired; an expired token can still be renamed."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if self.instance.pk is None and expires_at and expires_at <= timezone.now():
            raise ValidationError("This time has passed.")
        return expires_at
