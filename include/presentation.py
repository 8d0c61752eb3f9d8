"""How an agent presents itself: what a tenant may set for text and for voice."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import (
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

from include.models import Record

Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Length = Literal["short", "medium", "long"]
LanguageTag = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"), Field(examples=["en"])
]
VoiceLanguage = Literal[
    "en-US", "en-GB", "en-AU", "en-IN", "fr-FR", "it-IT", "de-DE", "es-US", "pt-BR", "hi-IN"
]
Voice = Literal[
    "matthew", "tiffany", "amy", "olivia", "kiara", "arjun", "ambre", "florian", "beatrice",
    "lorenzo", "tina", "lennart", "lupe", "carlos", "carolina", "leo",
]  # fmt: skip
# Amazon Nova 2 Sonic's; the first one of a language is its default.
VOICES: Mapping[VoiceLanguage, tuple[Voice, ...]] = {
    "en-US": ("matthew", "tiffany"),
    "en-GB": ("amy",),
    "en-AU": ("olivia",),
    "en-IN": ("kiara", "arjun"),
    "fr-FR": ("ambre", "florian"),
    "it-IT": ("beatrice", "lorenzo"),
    "de-DE": ("tina", "lennart"),
    "es-US": ("lupe", "carlos"),
    "pt-BR": ("carolina", "leo"),
    "hi-IN": ("kiara", "arjun"),
}
POLYGLOTS: frozenset[Voice] = frozenset({"matthew", "tiffany"})  # speak all of them
DEFAULT_VOICE_LANGUAGE: VoiceLanguage = "en-US"
CLOSE = 0.85  # `greetng` and `bargein` are slips, `voiceId` may be another system's setting


class Presentation(Record):
    """Settings by name; others than ours are kept for the tenant and have no effect."""

    model_config = ConfigDict(extra="allow", frozen=True)

    tone: Phrase | None = Field(None, description="How it speaks, in the tenant's words.")
    length: Length | None = Field(None, description="How much it says at once.")
    greeting: Phrase | None = Field(None, description="What it says first.")

    @model_validator(mode="after")
    def refuse_misspelled(self) -> Self:
        """Refuse a name that is almost one of ours: the tenant expects it to have an effect."""
        names = {to_camel(name).lower(): to_camel(name) for name in type(self).model_fields}
        for name in self.model_extra or {}:
            meant = get_close_matches(name.lower(), names, n=1, cutoff=CLOSE)
            if meant:
                raise ValueError(f"has no setting {name!r}; did you mean {names[meant[0]]!r}?")
        return self

    @model_serializer
    def write_settings(self) -> dict[str, Any]:
        """What was sent, under the names of the wire, wherever it is stored or shown."""
        extra = self.model_extra or {}
        ours = self.model_fields_set - extra.keys()
        values = {to_camel(name): getattr(self, name) for name in ours}
        return {name: value for name, value in values.items() if value is not None} | extra


class TextConfig(Presentation):
    """How an agent writes."""

    language: LanguageTag | None = Field(
        None, description="Where the user's own does not show: a tag such as `en` or `pt-BR`."
    )


class VoiceConfig(Presentation):
    """How an agent speaks, by Amazon Nova Sonic."""

    voice: Voice | None = Field(None, description="By default, the first one of the language.")
    language: VoiceLanguage | None = Field(None, description="By default, that of the voice.")
    barge_in: StrictBool = Field(True, description="Whether a caller may interrupt the agent.")
    sample_rate: Literal[8000, 16000, 24000] = Field(24000, description="Of what it says, in Hz.")

    @model_validator(mode="after")
    def require_language_of_voice(self) -> Self:
        """Refuse a voice that does not speak the language."""
        if self.voice and self.language and self.voice not in voices_of(self.language):
            others = ", ".join(voices_of(self.language))
            raise ValueError(
                f"has the voice {self.voice!r}, which does not speak {self.language}; "
                f"voices that do are {others}"
            )
        return self

    @property
    def spoken_by(self) -> Voice:
        """The voice to speak with."""
        return self.voice or VOICES[self.language or DEFAULT_VOICE_LANGUAGE][0]


Config = TypeVar("Config", bound=Presentation)


def voices_of(language: VoiceLanguage) -> list[Voice]:
    """Every voice that speaks a language."""
    own = VOICES[language]
    return [v for v in get_args(Voice) if v in own or v in POLYGLOTS]


def read_stored(kind: type[Config], stored: Mapping[str, Any] | None) -> Config:
    """A record's settings, without those that an older release took and this one does not."""
    settings = {name: v for name, v in (stored or {}).items() if is_valid(kind, {name: v})}
    return kind.model_validate(settings) if is_valid(kind, settings) else kind()


def is_valid(kind: type[Presentation], settings: Mapping[str, Any]) -> bool:
    """Whether the settings would be accepted."""
    try:
        kind.model_validate(settings)
    except ValidationError:
        return False
    return True
