"""A local AWS: ministack plus SageMaker, Glue on Spark, alarms and Step Functions integrations.

Meets the product only at the AWS API: nothing here imports `sluice`, and the product imports nothing from here.
"""
