"""Proofs: each file shows with real Keras 2 and Keras 3 that a rule's harm is real and that its advice removes it."""
