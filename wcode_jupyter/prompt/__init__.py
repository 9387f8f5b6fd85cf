"""Values of the notebook on their way into a request: references, images, schemas and functions as tools."""
