"""How components make a line: one function per recipe, read from top to bottom."""

from components.base import find
from pipeline.graph import Pipeline
from pipeline.scenario import Scenario
from schemas.errors import UserError, did_you_mean

OPTIONAL = ("augment_examples",)
"""Steps that are part of a line only if the scenario names them."""


def text_classification(scenario: Scenario) -> Pipeline:
    """Labelled texts to a published SavedModel that answers raw strings."""
    p = Pipeline(scenario)
    vocabulary = {"vocabulary": ("train_bert", "preset")}

    # Data: bring it in, look at it, refuse it if it is not what we expect.
    raw = p.add(find("ingest_examples"))
    examples = raw.outputs["examples"]
    statistics = p.add(find("compute_statistics"), examples=examples, same_as=vocabulary).outputs["statistics"]
    inferred = p.add(find("infer_schema"), statistics=statistics)
    checked = p.add(find("validate_examples"), statistics=statistics, schema=inferred.outputs["schema"])
    good = checked.outputs["verdict"]

    # Training text: more of it if the scenario wants that, cut into tokens with the encoder's own vocabulary.
    if "augment_examples" in scenario.steps:
        encoder = {"preset": ("train_bert", "preset")}
        more = p.add(find("augment_examples"), examples=examples, only_if=good, same_as=encoder)
        examples = more.outputs["augmented"]
    text = p.add(find("tokenize_examples"), examples=examples, only_if=good, same_as=vocabulary)

    # Model: fine-tune the encoder, freeze it into what will be served.
    bert = p.add(find("train_bert"), tokens=text.outputs["tokens"])
    served = p.add(find("export_model"), model=bert.outputs["model"])

    # Judgement: the exported model answers raw held-out text; nothing leaves the house unmeasured.
    judged = p.add(
        find("evaluate_model"),
        serving_model=served.outputs["serving_model"],
        examples=raw.outputs["examples"],
    )
    p.add(
        find("push_model"),
        serving_model=served.outputs["serving_model"],
        evaluation=judged.outputs["evaluation"],
        only_if=judged.outputs["verdict"],
        defaults={"destination": f"published/{scenario.name}"},
    )
    return p


RECIPES = {function.__name__: function for function in (text_classification,)}


def build(scenario: Scenario) -> Pipeline:
    """Wire the scenario's recipe and check every parameter.

    Raises:
        UserError: the recipe, a step or a parameter is unknown or wrong.
    """
    if scenario.recipe not in RECIPES:
        hint = did_you_mean(scenario.recipe, list(RECIPES))
        raise UserError(f"There is no recipe '{scenario.recipe}'.{hint} There are: {', '.join(RECIPES)}.")
    return RECIPES[scenario.recipe](scenario).check()
