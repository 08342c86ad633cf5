from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "anyreach.organizations"
    label = "organizations"

    def ready(self) -> None:
        from anyreach.organizations import schema  # noqa: F401  drf-spectacular learns by import
