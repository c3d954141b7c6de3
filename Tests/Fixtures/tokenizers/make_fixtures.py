"""Makes this folder's files with Hugging Face's `tokenizers` (0.23.3) and Jinja2: small tokenizers in four styles, trained
on the text below, the ids that the library gives for a page of Unicode trouble, and chats rendered by Jinja.

Run it in this folder: python make_fixtures.py LLAMA3_1_TEMPLATE QWEN2_5_TEMPLATE (published templates, read only to render).
"""

import json
import random
import sys

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXT = """
The tandem went down the long road to the harbour. Two riders sat on one frame: the one in front steered, the one behind
kept the balance. "Don't look back," she said, "we're nearly there; they'll wait for us, and I'm sure he'd have called."
It's 12 kilometres from here, or 7.5 miles; the ferry leaves at 18:45 and costs 23 euros in 2024, 1999 cents less than in 1987.
Das Fahrrad stand vor der Tür, grün und schwer. Wir fuhren über die Brücke, am Fluss entlang und schließlich nach Hause.
Le café était fermé; la forêt, déjà froide, s'étendait jusqu'à la mer. L'été prochain, nous irons à la plage de Noël.
Мы ехали по дороге вдоль реки, и ветер дул нам в спину. Потом пошёл дождь, и мы вернулись домой.
我们骑着自行车去海边。天气很好,风很轻。今天是星期天,所以路上人不多。
日本語の文章も少しあります。自転車で海へ行きました。
func ride(distance: Int) -> Int {
    let speed = 20
    return distance / speed
}
for rider in riders:
    if rider.name == "front":
        rider.steer(angle=0.5)
    else:
        rider.balance()

def balance(self):\n\treturn sum(self.weights) / len(self.weights)\n
"""

GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
QWEN2 = (
    r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def byte_level(prefix=False, regex=True):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)


def trained(pre_tokenizer, normalizer=None, special=(), merges=500, alphabet=True, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + merges, special_tokens=list(special), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else [])
    tokenizer.train_from_iterator(TEXT.splitlines(keepends=True) * 2, trainer)
    return tokenizer


def tokenizers():
    gpt2 = trained(byte_level(), special=["<|endoftext|>"])
    gpt2.post_processor = processors.ByteLevel(trim_offsets=False)
    gpt2.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True)])
    gpt2.add_tokens([
        AddedToken("tandem", single_word=True), AddedToken("  ", normalized=False), AddedToken("<both>", lstrip=True, rstrip=True),
        AddedToken("<|end|>"), AddedToken("<|end|>of", normalized=False), AddedToken("née")])
    smol = trained(
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level()]),
        special=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], alphabet=False)
    qwen = trained(
        pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), byte_level(regex=False)]),
        normalizer=normalizers.NFC())
    qwen.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    qwen.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("Ångström", normalized=True)])
    llama = trained(
        pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), byte_level(regex=False)]),
        ignore_merges=True)
    llama.add_special_tokens([
        "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"])
    begin = llama.token_to_id("<|begin_of_text|>")
    llama.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
            special_tokens=[("<|begin_of_text|>", begin)])])
    return {"gpt2": gpt2, "smollm2": smol, "qwen2": qwen, "llama3": llama}


def page():
    random.seed(7)
    letters = "etaoinshrdlu"
    return [
        "", " ", "a", "The riders' tandem isn't here; they'll come, we've waited. I'M SURE HE'D SAY 'S 'T 'Re ’s ’t ſ'ſ 'ſ",
        "cafe\u0301 caf\u00e9 n\u0303 \u212b A\u030a \u1e9b\u0323 q\u0307\u0323 q\u0323\u0307 \u0344 \u0958 \u2126 \u1100\u1161\u11a8 \uac01",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea\U0001f1eb",
        "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627 \u202eabc\u202c \u200fx\u200e",
        "我们骑自行车。日本語テスト ｶﾞｷﾞ ガ か\u3099 한국어 \U00020000\U0002a6df\U00031350\U0002ebf0",
        "\ud7ff\ue000\uf8ff\ufffd\ufffe\uffff \U0010ffff \U000e0041 \U000f0000", "a\0b\0\0 \0", "\ufeffBOM\ufeff in \ufeff the middle",
        "one\r\ntwo\n\r\nthree\r\r\nfour\r five\n\n\n six \r\n \r\n", "tabs\t\t \t and   many    spaces     before\n   lines   \n\t\n  x",
        "\n", "\n\n", " \n", "\n ", "  \n  \n", "x ", "x  ", "  x", "\t", "\u00a0x\u00a0\u00a0y", "a\u180eb \u180e \u1680 \u2003x\u3000\u3000y\u200bz\u2028w\u2029v\u0085u\x1cq\x0b\x0c",
        "1 12 123 1234 12345 1234567 3.14159 1,000,000 0x1F v2.0 1st", "\u0661\u0662\u0663 \u0967\u0968 \uff11\uff12\uff13 \u2460\u2461 \u00bd\u00be x\u00b2\u00b3 \u2167 \u3007 \u4e00\u4e8c \U0001d7d8\U0001d7d9 \u0bf0 \U000116d0\U0001e5f1 \U00011de0",
        "\u01c5 \u01f2 \ufb01 \ufb03 \u0132 \u00df \u1e9e \u0130 \u0131 \u017f \u03a3\u03c3\u03c2 \u1f88 \u02bc \u02c8a \u2c7c",
        "\x01\x02\x1b[0m \x7f \x80\x9f \u00ad soft", "don't DON'T Don’t 'tis 'll'll 's's'd'S'LL 'ſ it''s",
        "<|endoftext|><|endoftext|> <|im_start|>user\nhi<|im_end|>\n<|im_start|> <|im_end", "a <mask> b\n\t<mask>c  <mask>  d<mask>", "<right>  x<right>\n\n<right>y <right> <mask>",
        "tandem tandems a_tandem tandem_ (tandem) tandem\u0301 x tandemtandem tandem-tandem étandem", "<both>  <both>\n<both>a <both> <mask> <both>", "<|end|>of <|end|>off <|end|> <|end|> of", "née ne\u0301e NÉE née", "Ångström A\u030angstro\u0308m \u212bngström <tool_call>x",
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>",
        "#include <x>\n\tint main(void) { return a[i++] != b->c && !d; } // ok?!...\n\n\n}", "https://example.org/a/b?c=d&e=%20#f user@example.org $5.00 50% ~/x_y-z",
        "Мы ехали Мыехали ЁЖ їжак \u0301 \u0301a \u0483 \ua66f", "ไทย ภาษาไทย हिन्दी में नमस्ते தமிழ் ქართული አማርኛ \u1c89\ua7cb \U00010d50\U00011f5a\u0897",
        "a\u0300\u0301\u0302\u0303\u0304b\u200c\u200dc", "!!! ??? ... --- ___ === *** ((())) «»„“”‘’ — – ‐ ‑ …", "ÀÁÂÃÄÅĀĂĄǍȀȂẠẢ ạ\u0302 ậ a\u0302\u0323", "word" * 30, "ab" * 70 + "!" * 60 + " " * 70 + "\n" * 60,
        "".join(random.choice(letters) for _ in range(700)), "".join(random.choice(letters + " ,.'0123\n\u00e9") for _ in range(400)), "我" * 120 + "é" * 100,
    ]


VARIANTS = [
    ("isolated", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\p{P}|\d{2}"), "isolated"), byte_level()])}),
    ("removed", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"[\p{P}\s]"), "removed"), byte_level(regex=False)])}),
    ("inverted", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "removed", invert=True), byte_level(regex=False)])}),
    ("previous", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(" ", "merged_with_previous"), byte_level(regex=False)])}),
    ("next", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\s"), "merged_with_next"), byte_level(regex=False)])}),
    ("next-inverted", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\p{L}+"), "merged_with_next", invert=True), byte_level(regex=False)])}),
    ("previous-inverted", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\p{L}+"), "merged_with_previous", invert=True), byte_level(regex=False)])}),
    ("contiguous", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\s|'"), "contiguous"), byte_level(regex=False)])}),
    ("empty-matches", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"x*|(?=\p{Lu})"), "isolated"), byte_level(regex=False)])}),
    ("interval-plus", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\p{N}{1,3}+|[a-c]{,2}?d|a{2,}"), "isolated"), byte_level(regex=False)])}),
    ("possessive", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}|\s*+[\r\n]+| ?[^\s\p{L}\p{N}]++"), "removed", invert=True), byte_level(regex=False)])}),
    ("cased", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"), byte_level(regex=False)])}),
    ("lines", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex("^.|.$|\\u00e9|[\\x41-\\x5a]|\\v"), "isolated"), byte_level(regex=False)])}),
    ("digits", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), byte_level(regex=False)])}),
    ("white-space", {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), byte_level(prefix=True)])}),
    ("prefix-space", {"pre_tokenizer": byte_level(prefix=True)}),
    ("decomposed", {"normalizer": normalizers.NFD()}),
    ("compatible", {"normalizer": normalizers.NFKC()}),
    ("lower", {"normalizer": normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()])}),
]

CHATS = [
    [("user", "Hi")], [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello!")],
    [("user", " \n spaces\u00a0 \x1c"), ("assistant", "\n\nanswer\n"), ("user", "é 我 \U0001f44d"), ("assistant", "")],
    [("system", "  one "), ("system", "two"), ("user", "")], [("assistant", "<|im_end|> 'quoted' \\n {{ x }}")],
]


def chats(llama3_1, qwen2_5):
    system = "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nPROMPT<|im_end|>\n' }}{% endif %}"
    chatml = (
        "{% for message in messages %}SYSTEM{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
    templates = {
        "smollm2": chatml.replace("SYSTEM", system.replace(
            "PROMPT", "You are a helpful AI assistant named SmolLM, trained by Hugging Face")),
        "qwen2": chatml.replace("SYSTEM", system.replace("PROMPT", "You are a helpful assistant.")),
        "chatml": chatml.replace("SYSTEM", ""),
        "llama3": (
            "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
            "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
            "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
            "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"),
    }
    published = {"llama3_1": llama3_1, "qwen2_5": qwen2_5}
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    rendered = {}
    for name, source in (templates | published).items():
        template = environment.from_string(source)
        rendered[name] = [
            [template.render(
                messages=[{"role": role, "content": content} for role, content in chat], bos_token="<|begin_of_text|>",
                add_generation_prompt=prompt) for prompt in (False, True)]
            for chat in CHATS]
    return {
        "chats": [[{"role": role, "content": content} for role, content in chat] for chat in CHATS],
        "templates": templates, "rendered": rendered}


def joining_all_pairs(value):
    """The tokenizer with a merge for every two bytes: its ids show where words end, whatever their bytes are."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet(), key=lambda letter: ORDER[letter])
    pairs = [[first, second] for first in alphabet for second in alphabet]
    vocabulary = {token: index for index, token in enumerate(alphabet + ["".join(pair) for pair in pairs])}
    model = {"type": "BPE", "vocab": vocabulary, "merges": pairs}
    return Tokenizer.from_str(json.dumps({**value, "added_tokens": [], "post_processor": None, "model": model}))


PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
OTHERS = [byte for byte in range(256) if byte not in PRINTABLE]
ORDER = {chr(byte): byte for byte in PRINTABLE} | {chr(0x100 + index): byte for index, byte in enumerate(OTHERS)}
CUTS = [
    "a\u180eb \u180e \u1680x\u2003 y\u3000\u3000z\u0085u\x1cq\x0b\u200b", "x\u1c89\ua7cb1 \U00010d50a\u0897b \U00031350c!\U00011f5a?\U0001f6dcz",
    "1234567 \u0661\u0662\u0663\u0664 \u00bd\u2460 x\u2167y\U000116d0\U000116d1 \U00011de0\U00011de1 \uff11a", "\u01c5a \u0301b\u0301 \u02bcn I'ſ we'LL's \u1e9e",
    "\U00010040\u0300 e\u07fd\u0323 a\u0345\u0f73 \u1100\u1161\u11a8 \u0958",
]


def write(name, value):
    with open(name, "w", encoding="ascii") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


def main():
    texts = page()
    golden = {"texts": texts, "ids": {}}
    for name, tokenizer in tokenizers().items():
        # Written compactly, and GPT-2's merges as the older files have them.
        value = json.loads(tokenizer.to_str())
        if name == "gpt2":
            value["model"]["merges"] = [" ".join(pair) for pair in value["model"]["merges"]]
        with open(name + ".json", "w", encoding="utf-8") as file:
            json.dump(value, file, separators=(",", ":"), ensure_ascii=False)
        golden["ids"][name] = [tokenizer.encode(text).ids for text in texts]
    write("page.json", golden)
    variants = []
    for name, parts in VARIANTS:
        tokenizer = Tokenizer.from_file("gpt2.json")
        for part, value in parts.items():
            setattr(tokenizer, part, value)
        changed = json.loads(tokenizer.to_str())
        variants.append({
            "name": name, "changes": {part: changed[part] for part in parts},
            "ids": [tokenizer.encode(text).ids for text in texts[:-8:2]]})
    for name, model in [("dropped", {"unk_token": None}), ("unknown", {"unk_token": "e"}), ("fused", {"unk_token": "e", "fuse_unk": True})]:
        value = json.load(open("smollm2.json", encoding="utf-8"))
        value["model"].update(model)
        tokenizer = Tokenizer.from_str(json.dumps(value))
        variants.append({"name": name, "base": "smollm2", "model": model, "ids": [tokenizer.encode(text).ids for text in texts[:-8:2]]})
    write("variants.json", variants)
    cuts = {name: joining_all_pairs(json.load(open(name + ".json", encoding="utf-8"))) for name in ["smollm2", "qwen2"]}
    write("cuts.json", {
        "texts": CUTS, "ids": {name: [tokenizer.encode(text).ids for text in CUTS] for name, tokenizer in cuts.items()}})
    write("chats.json", chats(*[open(path, encoding="utf-8").read() for path in sys.argv[1:3]]))


main()
