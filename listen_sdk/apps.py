from django.apps import AppConfig


class ListenSdkConfig(AppConfig):
    name = "listen_sdk"
