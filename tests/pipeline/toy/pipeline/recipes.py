from components.base import find
from pipeline.graph import Pipeline
from pipeline.scenario import Scenario
from schemas.errors import UserError, did_you_mean


def toy(scenario: Scenario) -> Pipeline:
    p = Pipeline(scenario)
    numbers = p.add(find("write_numbers"))
    doubled = p.add(find("double_numbers"), numbers=numbers.outputs["numbers"])
    judged = p.add(find("judge_numbers"), doubled=doubled.outputs["doubled"])
    p.add(find("publish_numbers"), doubled=doubled.outputs["doubled"], only_if=judged.outputs["verdict"])
    return p


RECIPES = {"toy": toy}


def build(scenario: Scenario) -> Pipeline:
    if scenario.recipe not in RECIPES:
        raise UserError(f"There is no recipe '{scenario.recipe}'.{did_you_mean(scenario.recipe, list(RECIPES))}")
    return RECIPES[scenario.recipe](scenario).check()
