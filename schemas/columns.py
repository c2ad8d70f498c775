"""Which columns Examples have: one name for each role, the same in every data set.

```
id                   string        unique
text                 string        cleaned; null only where the Examples have no texts at all (then it is absent)
text_raw             string        as it came; null where cleaning changed nothing
text_pair            string        the second sentence of a pair; text_pair_raw likewise
label                string        its class;  list<string> for several classes;  double for a value to regress on
weight               float         what a row counts in training
numeric/<name>       double        numeric features
categorical/<name>   string        categorical features
slice/<name>         string        columns to evaluate by
augmentation         string        in augmented Examples: the rule that made the row; null for an original
```
"""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import pyarrow as pa

LabelKind = Literal["class", "classes", "value"]
NUMERIC, CATEGORICAL, SLICE = "numeric/", "categorical/", "slice/"


class Columns(BaseModel):
    """The columns that some Examples have besides `id`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: bool = True
    text_pair: bool = False
    label: LabelKind | None = "class"
    weight: bool = False
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    augmentation: bool = False

    def texts(self) -> tuple[str, ...]:
        """Names of the text columns.

        >>> Columns(text_pair=True).texts()
        ('text', 'text_pair')
        """
        return (*(("text",) if self.text else ()), *(("text_pair",) if self.text_pair else ()))

    def arrow_schema(self) -> "pa.Schema":
        """Names and types of all columns, in order.

        >>> Columns(numeric=("age",)).arrow_schema().names
        ['id', 'text', 'text_raw', 'label', 'numeric/age']
        """
        import pyarrow as pa

        label = {"class": pa.string(), "classes": pa.list_(pa.string()), "value": pa.float64()}
        fields = [("id", pa.string())]
        for name in self.texts():
            fields += [(name, pa.string()), (f"{name}_raw", pa.string())]
        if self.label is not None:
            fields.append(("label", label[self.label]))
        if self.weight:
            fields.append(("weight", pa.float32()))
        fields += [(NUMERIC + name, pa.float64()) for name in self.numeric]
        fields += [(CATEGORICAL + name, pa.string()) for name in self.categorical]
        fields += [(SLICE + name, pa.string()) for name in self.slices]
        if self.augmentation:
            fields.append(("augmentation", pa.string()))
        return pa.schema(fields)
