"""The Web API: one module per family of methods, `call.run` in front."""
