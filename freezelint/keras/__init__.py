"""What Keras is, by version: names, kinds of layers, backbones, behaviour. No analysis here."""
