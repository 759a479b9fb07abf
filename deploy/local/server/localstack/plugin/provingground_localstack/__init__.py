"""LocalStack without Docker: started in folders of its own, with a Lambda executor that runs functions as processes."""
