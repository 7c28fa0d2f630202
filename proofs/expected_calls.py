"""The call of every Task that is none of our functions, member by member, as the samples of `samples.py` make it.

Written a second time, beside the machines: a member that is left out, misspelt or another's shows as a difference.
"""

from __future__ import annotations

import re
from typing import Any

from proofs.shapes import Chosen, Either, Exactly, Having, Held

SHARE = float
_TAGS = [{"Key": re.compile(r"sluice:\w+"), "Value": re.compile(r"\w+")}]
_KEY = "${DataKeyArn}"
ENDPOINT = "sluice-shop"
_IMAGE = re.compile(r"\d+\.dkr\.ecr\.\S+")
_INSTANCE = "ml.m5.large"
NEW_ONLY, _NEW_BESIDE, OLD_ONLY = "sluice-shop-r1-only", "sluice-shop-r1-canary", "sluice-shop-r0-only"
NEW, OLD = "v-r1", "v-r0"
PACKAGE = re.compile(r"arn:aws:sagemaker:\S+:model-package/\S+")
CHAMPION = {"run_id": "r0", "artifact_uri": "s3://data/models/shop/r0/model.tar.gz"}
ANCHOR = {"run_id": "r-1", "artifact_uri": "s3://data/models/shop/r-1/model.tar.gz"}
SEALED = re.compile(r"s3://data/models/shop/r1/model\.tar\.gz")
_LIMITS = {"MaxParallelTrainingJobs": int, "MaxRuntimeInSeconds": int, "MaxNumberOfTrainingJobs": int}
_EXECUTION = re.compile(r"arn:aws:states:\S+:execution:\S+")


def _folders(side: str, *folders: str, name: str = "") -> list[str]:
    """The arguments that name a job's folders."""
    return [each for one in folders for each in (f"--{name or one}", f"/opt/ml/processing/{side}/{one}")]


def _s3_input(name: str, uri: Any) -> dict[str, Any]:
    path = f"/opt/ml/processing/input/{name}"
    return {
        "InputName": name,
        "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"},
    }


_INPUTS = Either(
    *(
        _s3_input(name, uri)
        for name, uri in (
            ("code", "s3://data/code/0/learn/"),
            ("test", re.compile(r"s3://data/runs/shop/r1/prepared/test/")),
            ("contract", "s3://data/runs/shop/r1/contract/"),
            ("candidate", SEALED),
            ("baseline", "s3://data/key"),
            ("champion", CHAMPION["artifact_uri"]),
            ("anchor", ANCHOR["artifact_uri"]),
        )
    )
)
_RUN = Having({"project": "shop", "run_id": "r1", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": _EXECUTION})


def _to(config: str, **more: Any) -> dict[str, Any]:
    return {"EndpointName": ENDPOINT, "EndpointConfigName": config, **more}


def _weights(old: Any, new: Any) -> dict[str, Any]:
    both = Either({"VariantName": OLD, "DesiredWeight": old}, {"VariantName": NEW, "DesiredWeight": new})
    return {"EndpointName": ENDPOINT, "DesiredWeightsAndCapacities": [both]}


def _tuning(plan: dict[str, Any], parents: list[Any]) -> dict[str, Any]:
    """One family goes without a name and may start from another run; several have neither."""
    config = {"Strategy": "Bayesian", "ResourceLimits": _LIMITS, "RandomSeed": int}
    call = {"HyperParameterTuningJobName": "sluice-r1-t", "Tags": _TAGS}
    if len(plan["tuning"]["definitions"]) > 1:
        definition = Having({"DefinitionName": str, "EnableNetworkIsolation": True})
        return {**call, "HyperParameterTuningJobConfig": config, "TrainingJobDefinitions": [definition]}
    objective = {"Type": "Maximize" if plan["maximize"] else "Minimize", "MetricName": plan["metric"]}
    config |= {
        "TrainingJobEarlyStoppingType": "Auto",
        "HyperParameterTuningJobObjective": objective,
        "ParameterRanges": Having({"ContinuousParameterRanges": [dict]}),
    }
    parent = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "sluice-r0-t"}],
        "WarmStartType": "TransferLearning",
    }
    return {
        **call,
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": Having({"StaticHyperParameters": dict, "EnableNetworkIsolation": True}),
        **({"WarmStartConfig": parent} if parents else {}),
    }


def _prepared(model: dict[str, str]) -> str:
    return f"s3://data/runs/shop/{model['run_id']}/prepared/"


CALLS: dict[tuple[str, str], Any] = {
    ("PrepareData", "Clean Dataset"): {
        "JobName": "${CleanDatasetJobName}",
        "Arguments": Either(
            *(
                {
                    "--accepted": "s3://data/accepted/shop/",
                    "--inputs": "s3://data/runs/shop/r1/run.json",
                    "--output": "s3://data/runs/shop/r1/prepared/",
                    "--run-id": "r1",
                    "--champion-prepared": champion,
                    "--anchor-prepared": anchor,
                }
                for champion, anchor in (
                    (_prepared(CHAMPION), _prepared(ANCHOR)),
                    (_prepared(CHAMPION), "none"),
                    ("none", "none"),
                )
            )
        ),
    },
    ("MlLifecycle", "Prepare Data"): {
        "StateMachineArn": "${PrepareDataArn}",
        "Name": "shop-r1-prepare",
        "Input": _RUN,
    },
    ("MlLifecycle", "Build Model"): {"StateMachineArn": "${BuildModelArn}", "Name": "shop-r1-build", "Input": _RUN},
    ("MlLifecycle", "Release Model"): {
        "StateMachineArn": "${ReleaseModelArn}",
        "Name": "shop-r1-release",
        "Input": {**_RUN.members, "package_arn": PACKAGE, "artifact_uri": SEALED},
    },
    ("BuildModel", "Train Baseline"): {
        "TrainingJobName": "sluice-shop-r1-baseline",
        "RoleArn": "${ExecutionRoleArn}",
        "AlgorithmSpecification": {
            "TrainingImage": _IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": re.compile(r"validation:\w+"), "Regex": str}],
        },
        "HyperParameters": Having({"family": '"baseline"', "run-id": '"r1"', "sagemaker_program": '"train.py"'}),
        "InputDataConfig": [Having({"ChannelName": re.compile("train|validation|contract|code"), "DataSource": dict})],
        "OutputDataConfig": {"S3OutputPath": "s3://data/runs/shop/r1/training/", "KmsKeyId": _KEY},
        "ResourceConfig": {"InstanceType": _INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": Having({"MaxRuntimeInSeconds": int}),
        "EnableManagedSpotTraining": bool,
        "EnableNetworkIsolation": True,
        "Tags": _TAGS,
    },
    ("BuildModel", "Tune Candidates"): Chosen(lambda known: _tuning(known["plan"], known["parents"])),
    ("BuildModel", "List Failed Training Jobs"): {
        "HyperParameterTuningJobName": "sluice-r1-t",
        "StatusEquals": "Failed",
        "SortBy": "CreationTime",
        "SortOrder": "Ascending",
        "MaxResults": 1,
    },
    ("BuildModel", "List Best Candidate"): {
        "HyperParameterTuningJobName": "sluice-r1-t",
        "StatusEquals": "Completed",
        "SortBy": "FinalObjectiveMetricValue",
        "SortOrder": Chosen(lambda known: "Descending" if known["plan"]["maximize"] else "Ascending"),
        "MaxResults": 1,
    },
    ("BuildModel", "Describe Best Candidate"): {"TrainingJobName": "a-TrainingJobName"},
    ("BuildModel", "Evaluate Candidate"): {
        "ProcessingJobName": "sluice-shop-r1-evaluation",
        "RoleArn": "${ExecutionRoleArn}",
        "AppSpecification": {
            "ImageUri": _IMAGE,
            "ContainerEntrypoint": [re.compile("python3|/opt/ml/processing/input/code/evaluate.py")],
            "ContainerArguments": Exactly(
                [
                    *_folders("input", "test", "contract", "candidate", "baseline", "champion", "anchor"),
                    *_folders("output", "evaluation", name="output"),
                    *("--message", "/opt/ml/output/message"),
                ]
            ),
        },
        "ProcessingInputs": [_INPUTS],
        "ProcessingOutputConfig": {
            "KmsKeyId": _KEY,
            "Outputs": [
                {
                    "OutputName": "evaluation",
                    "S3Output": {
                        "S3Uri": "s3://data/runs/shop/r1/evaluation/",
                        "LocalPath": "/opt/ml/processing/output/evaluation",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ],
        },
        "ProcessingResources": {"ClusterConfig": {"InstanceType": _INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 10}},
        "NetworkConfig": {"EnableNetworkIsolation": True},
        "StoppingCondition": {"MaxRuntimeInSeconds": int},
        "Tags": _TAGS,
    },
    ("BatchPredict", "Score File"): {
        "TransformJobName": "sluice-shop-b1-batch",
        "ModelName": "sluice-shop-r1",
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": 6,
        "MaxConcurrentTransforms": 1,
        "Environment": {"SAGEMAKER_MODEL_SERVER_TIMEOUT": re.compile(r"\d+")},
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": re.compile(r"s3://data/scoring/shop/b1/\S+")}
            },
            "ContentType": "application/jsonlines",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": re.compile(r"s3://data/scoring/shop/\S+-answers"),
            "KmsKeyId": _KEY,
            "Accept": re.compile("text/csv|application/jsonlines"),
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": _INSTANCE, "InstanceCount": 1},
        "Tags": _TAGS,
    },
    ("ReleaseModel", "Create Endpoint"): _to(NEW_ONLY, Tags=_TAGS),
    ("ReleaseModel", "Replace Configuration"): _to(NEW_ONLY),
    ("ReleaseModel", "Swap Fleet"): _to(
        NEW_ONLY,
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": Having({"Type": str, "WaitIntervalInSeconds": int}),
                "TerminationWaitInSeconds": 0,
                "MaximumExecutionTimeoutInSeconds": 28800,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "sluice/shop/r1/canary"}]},
        },
    ),
    ("ReleaseModel", "Attach Canary"): _to(_NEW_BESIDE),
    ("ReleaseModel", "Shift Traffic"): _weights(Held("weights.champion_weight"), Held("weights.variant_weight")),
    ("ReleaseModel", "Promote Model"): _to(NEW_ONLY),
    ("ReleaseModel", "Cut Canary Traffic"): _weights(1, 0),
    ("ReleaseModel", "Restore Champion"): _to(
        OLD_ONLY,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    ),
    ("RollBack", "Restore Previous Model"): _to(OLD_ONLY),
}
