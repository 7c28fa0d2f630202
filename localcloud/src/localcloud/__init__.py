"""A local AWS: ministack plus SageMaker, Glue on Spark, alarms and Step Functions integrations.

What is developed against it speaks to it as to AWS, by `AWS_ENDPOINT_URL`, and imports nothing from here.
"""
