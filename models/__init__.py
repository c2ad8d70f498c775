"""How it is computed: tokenizing, Keras models, training, serving, metrics. Arrays and models in and out."""
