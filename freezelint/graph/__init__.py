"""A saved or loaded model → ModelGraph → findings. Nothing here imports TensorFlow or Keras for a file."""
