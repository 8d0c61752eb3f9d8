"""What a tenant may set of an agent's voice and style, and what each mistake is answered."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from include.presentation import (
    POLYGLOTS,
    VOICES,
    TextConfig,
    Voice,
    VoiceConfig,
    VoiceLanguage,
    read_stored,
    voices_of,
)


def refuse(kind, **settings):
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(settings)
    [error] = caught.value.errors()
    return ".".join(map(str, error["loc"])), error["msg"]


def test_what_was_sent_is_what_is_kept():
    sent = {"voice": "amy", "bargeIn": False, "greeting": "Hello.", "speed": 1.1}
    config = VoiceConfig.model_validate(sent)
    assert config.model_dump() == config.model_dump(mode="json", by_alias=True) == sent
    assert VoiceConfig.model_validate({"tone": None}).model_dump() == {}


def test_defaults():
    config = VoiceConfig()
    assert (config.spoken_by, config.barge_in, config.sample_rate) == ("matthew", True, 24000)
    assert VoiceConfig(language="fr-FR").spoken_by == "ambre"
    assert VoiceConfig(voice="leo").spoken_by == "leo"


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"voice": "joanna"}, "voice", "'matthew', 'tiffany'"),
        ({"language": "xx-XX"}, "language", "'en-US', 'en-GB'"),
        ({"sampleRate": 44100}, "sampleRate", "8000, 16000 or 24000"),
        ({"bargeIn": "yes"}, "bargeIn", "boolean"),
        ({"greeting": ""}, "greeting", "at least 1"),
        ({"greeting": "x" * 501}, "greeting", "at most 500"),
        ({"length": "tiny"}, "length", "'short', 'medium' or 'long'"),
        ({"tone": 3}, "tone", "string"),
        ({"voice": "amy", "language": "fr-FR"}, "", "matthew, tiffany, ambre, florian"),
        ({"bargein": True}, "", "did you mean 'bargeIn'?"),
        ({"greetng": "x"}, "", "did you mean 'greeting'?"),
    ],
)
def test_each_mistake_is_named_with_what_is_allowed(settings, field, words):
    found, message = refuse(VoiceConfig, **settings)
    assert found == field
    assert words in message


@pytest.mark.parametrize("language", ["de", "pt-BR", "zh-Hant-TW"])
def test_text_takes_any_language(language):
    assert TextConfig(language=language).language == language


@pytest.mark.parametrize("language", ["German", "de_DE", "", "d"])
def test_a_language_is_a_tag(language):
    assert refuse(TextConfig, language=language)[0] == "language"


def test_every_language_has_voices_and_every_voice_a_language():
    assert set(VOICES) == set(get_args(VoiceLanguage))
    assert {voice for voices in VOICES.values() for voice in voices} == set(get_args(Voice))
    assert all(set(voices_of(language)) >= POLYGLOTS for language in VOICES)


def test_a_polyglot_voice_speaks_every_language():
    assert VoiceConfig(voice="tiffany", language="hi-IN").spoken_by == "tiffany"


def test_what_older_releases_took_does_not_stop_a_run():
    stored = {"tone": "warm", "length": "short: the answer", "voice": "ruth"}
    assert read_stored(VoiceConfig, stored).model_dump() == {"tone": "warm"}
    assert read_stored(VoiceConfig, {"voice": "amy", "language": "fr-FR"}) == VoiceConfig()
    assert read_stored(TextConfig, None) == TextConfig()
