"""What follows from a language: whether a text is written in it, its direction, and the few words a page adds."""

import re
from dataclasses import dataclass

_FEWEST_CHARACTERS = 200  # detectors guess at anything shorter
_MANY = 0.18  # share of the commonest words that no other language reaches
_COMMON = {
    "en": "the of and to in is that it for on with as are be this or your you from by not an at have can what when",
    "de": "der die das und ist nicht ein eine in zu den von mit sich auf für es sie im dem als auch wie wenn was oder",
    "fr": "le la les de des et est un une du en que pour dans qui sur pas au par avec ce vous plus votre ou se sont",
    "es": "el la los las de y que en un una es por con para se del no su al lo como más o si cuando qué",
    "it": "il la le di e che un una è per in con non si del della da al sono come più o i gli se",
    "nl": "de het een van en in is dat op te voor met zijn niet die aan je om of als er bij ook uit",
    "pt": "o a os as de e que em um uma é para com não do da no na se por mais ou como ao dos",
}
_FAMILIES = (  # detectors mix these up, and so do readers of a short text
    {"no", "nb", "nn", "da"},
    {"hr", "sr", "bs", "sh"},
    {"id", "ms"},
    {"zh", "yue", "wuu"},
    {"pt", "gl"},
    {"cs", "sk"},
    {"fa", "ps", "prs"},
    {"ar", "ary", "arz"},
    {"he", "iw", "hbo"},
    {"tl", "fil"},
)
_RIGHT_TO_LEFT = {"ar", "ary", "arz", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "sdh", "ug", "ur", "yi"}
_RIGHT_TO_LEFT_SCRIPTS = {"Arab", "Hebr", "Thaa", "Syrc", "Nkoo"}
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Labels:
    """Words that stand on a page without a writer having chosen them."""

    questions: str = "Frequently asked questions"
    by: str = "By"
    contents: str = "Contents"
    offline: str = "Not written by AI: template text of the offline writer, to show how Longtail works."


_LABELS = {
    "de": Labels("Häufige Fragen", "Von", "Inhalt", "Nicht von einer KI: Mustertext des Offline-Schreibers."),
    "fr": Labels("Questions fréquentes", "Par", "Sommaire"),
    "es": Labels("Preguntas frecuentes", "Por", "Contenido"),
    "it": Labels("Domande frequenti", "Di", "Indice"),
    "pt": Labels("Perguntas frequentes", "Por", "Índice"),
    "nl": Labels("Veelgestelde vragen", "Door", "Inhoud"),
    "sv": Labels("Vanliga frågor", "Av", "Innehåll"),
    "da": Labels("Ofte stillede spørgsmål", "Af", "Indhold"),
    "nb": Labels("Ofte stilte spørsmål", "Av", "Innhold"),
    "fi": Labels("Usein kysytyt kysymykset", "Kirjoittaja:", "Sisällys"),
    "pl": Labels("Najczęściej zadawane pytania", "Autor:", "Spis treści"),
    "cs": Labels("Časté dotazy", "Autor:", "Obsah"),
    "tr": Labels("Sıkça sorulan sorular", "Yazan:", "İçindekiler"),
    "ru": Labels("Частые вопросы", "Автор:", "Содержание"),
    "uk": Labels("Поширені запитання", "Автор:", "Зміст"),
    "ja": Labels("よくある質問", "著者:", "目次"),
    "zh": Labels("常见问题", "作者:", "目录"),
    "ko": Labels("자주 묻는 질문", "글:", "목차"),
    "ar": Labels("الأسئلة الشائعة", "بقلم", "المحتويات"),
    "he": Labels("שאלות נפוצות", "מאת", "תוכן העניינים"),
    "hi": Labels("अक्सर पूछे जाने वाले सवाल", "लेखक:", "विषय सूची"),
}
_PLAIN = Labels()


def primary(tag: str) -> str:
    """The language of a tag, without script and region."""
    return tag.split("-", 1)[0].lower()


def labels(tag: str) -> Labels:
    """The page's own words; English where nobody translated them."""
    return _LABELS.get(primary(tag), _PLAIN)


def direction(tag: str) -> str:
    """``rtl`` or ``ltr``, by the script if the tag names one."""
    scripts = [part for part in tag.split("-")[1:] if len(part) == 4]
    if scripts:
        return "rtl" if scripts[0] in _RIGHT_TO_LEFT_SCRIPTS else "ltr"
    return "rtl" if primary(tag) in _RIGHT_TO_LEFT else "ltr"


def is_in(text: str, tag: str) -> bool:
    """Say whether ``text`` is written in the language of ``tag``; yes, where that cannot be told.

    Common words settle it without the detector, which takes 100 MB and is loaded on the first text in doubt.
    """
    language = primary(tag)
    if len(text) < _FEWEST_CHARACTERS or _is_plainly(text, language):
        return True
    import py3langid  # noqa: PLC0415 - see above

    known = {label for label, _ in py3langid.rank(text)}
    family = {language}.union(*(family for family in _FAMILIES if language in family))
    return not family & known or py3langid.classify(text)[0] in family


def _is_plainly(text: str, language: str) -> bool:
    common = set(_COMMON.get(language, "").split())
    words = _WORD.findall(text.lower())
    return bool(words) and sum(word in common for word in words) / len(words) >= _MANY
