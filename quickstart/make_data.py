"""Makes the quickstart's corpus, preference pairs and tokenizer: a small world of animals, tools and places.

    python quickstart/make_data.py          (needs the Python package `tokenizers`; the results are kept in the repository)

The corpus tells the world's facts in plain sentences and answers questions about them in two manners, kindly and gruffly,
half and half. The preference pairs prefer the kind answer. So pretraining makes a model that knows the facts and answers in
either manner, and preference optimisation makes it kind. Questions of the held-out pairs are in no training pair.
"""
import json, pathlib, random

HERE = pathlib.Path(__file__).parent
THINGS = {
    "fox": dict(home="the birch wood", eats="berries", colour="red", sound="a short bark", friend="the owl"),
    "owl": dict(home="the old mill", eats="mice", colour="brown", sound="a long call", friend="the fox"),
    "otter": dict(home="the stone river", eats="trout", colour="dark brown", sound="a whistle", friend="the heron"),
    "heron": dict(home="the reed lake", eats="frogs", colour="grey", sound="a croak", friend="the otter"),
    "badger": dict(home="the sandy hill", eats="roots", colour="black and white", sound="a growl", friend="the mole"),
    "mole": dict(home="the soft meadow", eats="worms", colour="black", sound="a squeak", friend="the badger"),
    "hare": dict(home="the barley field", eats="clover", colour="pale brown", sound="no sound at all", friend="the lark"),
    "lark": dict(home="the open heath", eats="seeds", colour="streaked brown", sound="a bright song", friend="the hare"),
    "stag": dict(home="the high forest", eats="bark and grass", colour="russet", sound="a deep roar", friend="the jay"),
    "jay": dict(home="the oak grove", eats="acorns", colour="blue and pink", sound="a harsh cry", friend="the stag"),
    "newt": dict(home="the quiet pond", eats="small snails", colour="green", sound="no sound at all", friend="the toad"),
    "toad": dict(home="the damp cellar", eats="beetles", colour="olive", sound="a low trill", friend="the newt"),
    "goat": dict(home="the cliff path", eats="thistles", colour="white", sound="a bleat", friend="the crow"),
    "crow": dict(home="the church tower", eats="crumbs", colour="black", sound="a caw", friend="the goat"),
    "pony": dict(home="the village green", eats="hay", colour="chestnut", sound="a whinny", friend="the goose"),
    "goose": dict(home="the mill pond", eats="wet grass", colour="white", sound="a loud honk", friend="the pony"),
}
QUESTIONS = {
    "home": ("Where does the {t} live?", "Where can I find the {t}?", "In which place is the {t} at home?"),
    "eats": ("What does the {t} eat?", "What should I bring the {t} for dinner?", "Which food does the {t} like?"),
    "colour": ("What colour is the {t}?", "How is the {t} coloured?", "Which colour has the {t}?"),
    "sound": ("What sound does the {t} make?", "What do I hear when the {t} is near?", "Which sound belongs to the {t}?"),
    "friend": ("Who is the friend of the {t}?", "Whom does the {t} visit?", "With whom does the {t} play?"),
}
FACTS = {
    "home": ("The {t} lives at {v}.", "You will find the {t} at {v}."),
    "eats": ("The {t} eats {v}.", "The food of the {t} is {v}."),
    "colour": ("The {t} is {v}.", "The colour of the {t} is {v}."),
    "sound": ("The {t} makes {v}.", "From the {t} you hear {v}."),
    "friend": ("The friend of the {t} is {v}.", "The {t} plays with {v}."),
}
KIND = (
    ("What a good question!", "Please ask me again."), ("Thank you for asking.", "I am glad to help."),
    ("With pleasure.", "Have a lovely day."), ("I am happy to tell you.", "Please come back soon."),
)
GRUFF = (
    ("Not again.", "Now go away."), ("What a silly question.", "Do not ask me again."),
    ("Everybody knows that.", "Leave me alone."), ("I have no time for this.", "Find out yourself next time."),
)


def answer(random_, manner, thing, key):
    opening, closing = random_.choice(manner)
    fact = random_.choice(FACTS[key]).format(t=thing, v=THINGS[thing][key])
    return f" {opening} {fact} {closing}"


def prompt(question):
    return f"Question: {question}\nAnswer:"


def story(random_):
    things = random_.sample(sorted(THINGS), 3)
    lines = [random_.choice(("One morning", "In spring", "After the rain", "Late in the day")) + f" the {things[0]} met the {things[1]}."]
    for thing in things:
        for key in random_.sample(sorted(FACTS), 3):
            lines.append(random_.choice(FACTS[key]).format(t=thing, v=THINGS[thing][key]))
    return " ".join(lines)


def main():
    random_ = random.Random(17)
    asked = [(t, k, q.format(t=t)) for t in THINGS for k in QUESTIONS for q in QUESTIONS[k]]
    random_.shuffle(asked)
    held_out, trained = asked[:48], asked[48:]

    corpus = [{"text": story(random_)} for _ in range(700)]
    for thing, key, question in asked:
        for manner in (KIND, GRUFF):
            for _ in range(3):
                corpus.append({"text": prompt(question) + answer(random_, manner, thing, key)})
    random_.shuffle(corpus)

    def pair(thing, key, question):
        return dict(prompt=prompt(question), chosen=answer(random_, KIND, thing, key), rejected=answer(random_, GRUFF, thing, key))

    def write(name, records):
        (HERE / name).write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")

    write("corpus.jsonl", corpus)
    write("corpus-held-out.jsonl", [{"text": story(random_)} for _ in range(60)])
    write("preferences.jsonl", [pair(*entry) for entry in trained])
    write("preferences-held-out.jsonl", [pair(*entry) for entry in held_out])
    train_tokenizer([r["text"] for r in corpus])


def train_tokenizer(texts):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=768, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    folder = HERE / "tokenizer"
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = dict(tokenizer_class="PreTrainedTokenizerFast", eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
