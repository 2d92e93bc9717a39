from communications.models.message import Message, MessageStatus
from communications.models.script import Script, ScriptVersion
from communications.models.template import Template, TemplateVersion

__all__ = ["Message", "MessageStatus", "Script", "ScriptVersion", "Template", "TemplateVersion"]
