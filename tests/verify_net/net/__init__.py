"""A small package that tests migrate and verify."""

from .models import Classifier, Noisy, Tagger, classifier

__all__ = ["Classifier", "Noisy", "Tagger", "classifier"]
