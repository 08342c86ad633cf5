from django.apps import AppConfig


class AgentAssistConfig(AppConfig):
    name = "agent_assist"
