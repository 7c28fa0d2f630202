# One project's life, in which each command that the pages show is run as they show it.
#
# + command            a shown command, with <name> for "$name"; it must end with 0
# + command => other   what is run in its place, because it would wait for a person, or take a port that may be in use
# ~ pattern: command   runs until its output has the pattern, and is ended by Ctrl-C, as the pages say
#
# All other lines set the scene. `test_walk.py` holds this list and `not_run.yaml` against the pages.

pick() { python3 -c "import json, sys; found = json.load(sys.stdin); print($1)"; }
newest() { sluice runs shop --limit 1 --json | pick 'found[0]["run_id"]'; }
scene() { "$python" -m tests.docs_run.scene "$@"; }
until_shown() {
    set -m; eval "exec $2" > shown.txt 2>&1 & pid=$!; set +m
    for _ in $(seq 3600); do
        if grep -q -- "$1" shown.txt || ! kill -0 "$pid" 2> /dev/null; then break; fi
        sleep 0.25
    done
    code=0
    kill -INT -- "-$pid" || true
    wait "$pid" || code=$?
    cat shown.txt
    grep -q -- "$1" shown.txt
    [ "$code" = 0 ] || [ "$code" = 130 ] || [ "$code" = 6 ]  # 6: watch has ended, as the run waits for approval
}
project=shop stack=sluice command=why name=shop

# --- a clone, and a local cloud
url=$root
+ git clone <url> sluice && cd sluice => (git clone --quiet "$url" sluice && cd sluice && test -f README.md)
~ Paste into another shell: .venv/bin/sluice cloud --port 4567 => .venv/bin/sluice cloud --port "$port"
~ Paste into another shell: sluice cloud --speed 20 => sluice cloud --speed 20 --port "$port"
+ sluice up => sluice up --port "$port" --speed 20
+ eval "$(.venv/bin/sluice env)"
+ eval "$(sluice env --unset)"
+ eval "$(sluice env)"
+ sluice --install-completion
+ sluice doctor
+ sluice --version
+ sluice <command> --help
+ sluice cost --help
+ sluice schema > project.schema.json

# --- alerts in a chat, which is a server of this machine
"$python" -m tests.docs_run.scene chat "$chat_port" posted.jsonl & chat=$!
trap 'kill "$chat" 2> /dev/null || true' EXIT
aws() { "$python" -m tests.docs_run.aws_cli "$@"; }
address=http://127.0.0.1:$chat_port/hook
+ aws ssm put-parameter --name /sluice/chat --type SecureString --value <address>
+ .venv/bin/sam list stack-outputs --stack-name <stack>
topic=$(.venv/bin/sam list stack-outputs --stack-name sluice --output json | pick '[each["OutputValue"] for each in found if each["OutputKey"] == "AlertTopicArn"][0]')
ln -s "$root/chat" chat
+ .venv/bin/sam deploy --template-file chat/template.yaml --stack-name <stack>-chat --resolve-s3 --capabilities CAPABILITY_IAM --parameter-overrides AlertTopicArn=<topic> WebhookParameter=/sluice/chat
+ aws sns publish --topic-arn <topic> --subject Test --message Hello
for _ in $(seq 120); do grep -q Hello posted.jsonl && break; sleep 0.5; done
grep Hello posted.jsonl

# --- a contract from a file; three rows of it are damaged
python3 examples/generate_sessions.py --rows 1500 --seed 1 | awk -F, -v OFS=, 'NR > 1 && NR < 5 { $4 = -1 } 1' > sessions.csv
python3 examples/generate_sessions.py --rows 300 --seed 2 > more.csv
file=sessions.csv
+ sluice init <file> --project <name>
rm project.yaml
+ sluice init sessions.csv --target purchase
cp "$root/tests/docs_run/shop.yaml" project.yaml
+ sluice check project.yaml
+ sluice check project.yaml sessions.csv
+ sluice check project.yaml more.csv
+ sluice register project.yaml
file=project.yaml
+ sluice register <file>
+ sluice cost project.yaml --region eu-west-1 --rows 200000
+ sluice cost project.yaml --region eu-west-1 --rows 50000 --drops 8 --requests 300000

# --- a first model, approved
+ sluice drop <project> sessions.csv
~ sluice approve: sluice watch <project>
run=$(newest)
+ sluice why <run>
+ sluice report <run>
+ sluice report <run> --output .
+ sluice approve <run> --reason TEXT
sluice watch shop "$run"
+ sluice cost --run <run> => sluice cost --run "$run" --region eu-west-1
folder=exported
+ sluice export <run> --to <folder>
+ sluice export <run> --to model-folder

# --- refused rows, corrected
file=sessions.csv
+ sluice quarantine <project> sessions.csv --output refused.csv
+ sluice quarantine <project> <file> --output refused.csv
file=sessions.csv
+ sluice quarantine <project> <file> --output CSV
sed -i 's/"-1"/"5"/' refused.csv
+ sluice redrive <project> refused.csv
awk -F, -v OFS=, 'NR > 1 { $4 = -1 } 1' more.csv > broken.csv
sluice drop shop broken.csv || test $? = 1
id=$(sluice quarantine shop broken.csv --json | pick 'found["files"][0]["dataset_id"]')
python3 examples/generate_sessions.py --rows 300 --seed 2 > sessions.csv
+ sluice redrive <project> sessions.csv --dataset <id>
sluice drop shop more.csv
file=more.csv
+ sluice lineage <project> <file>
dataset=$(sluice status shop --json | pick 'found["projects"][0]["datasets"][-1]["dataset_id"]')
+ sluice withdraw <project> <dataset> --reason TEXT

# --- requests, labels, a file to score
+ sluice ask <project>
+ sluice ask <project> '{"pages_viewed": 3, "device": "mobile"}'
request='{"session_id": "mine", "pages_viewed": 12}'
+ sluice ask <project> <request>
id=$(sluice ask shop "$request" --json | pick 'found["body"]["inference_id"]')
python3 examples/generate_sessions.py --rows 200 --seed 3 --unlabelled > next-week.csv
sluice ask shop next-week.csv > answers.csv
+ sluice batch <project> next-week.csv --output predictions.csv
python3 examples/generate_sessions.py --rows 200 --seed 3 | cut -d, -f1,12 > purchases.csv
+ sluice label <project> purchases.csv
file=purchases.csv
+ sluice label <project> <file>
+ sluice lineage <project> <id>
~ Ctrl-C ends it: sluice annotate <project>
~ Ctrl-C ends it: sluice annotate <project> --rows 50
~ Ctrl-C ends it: sluice console
~ Ctrl-C ends it: sluice console --port 8900 => sluice console --port "$other_port"

# --- a second model, a way back, and runs side by side
sluice retrain shop --reason "a second model"
until_shown 'sluice approve' 'sluice watch shop'
other=$run run=$(newest)
+ sluice approve <run>
sluice watch shop "$run"
+ sluice runs <project>
+ sluice runs <project> --limit 50
+ sluice compare <run> <other>
+ sluice compare <run> <run> => sluice compare "$run" "$other"
+ sluice status <project>
+ sluice rollback <project> --reason TEXT
+ sluice retrain <project> --reason TEXT
until_shown 'sluice reject' 'sluice watch shop'
run=$(newest)
+ sluice reject <run> --reason TEXT
sluice watch shop "$run" || test $? = 5

# --- a held change of the requests
scene begins pages_viewed
+ sluice end-fault <project> --reason TEXT
id=$(scene id)
+ sluice accept-drift <project> --change <id>
scene begins searches
+ sluice accept-drift <project>
scene begins device
+ sluice accept-drift <project> --reason TEXT
+ sluice responses <project> --limit 5
scene settle

# --- the endpoint: by hand, a drill, asleep and awake
endpoint=$stack-$project
configuration=$(sluice status shop --json | pick 'found["projects"][0]["champion"]["endpoint_config"]')
variant=$(sluice status shop --json | pick 'found["projects"][0]["endpoint"]["variants"][0]["name"]')
+ aws sagemaker update-endpoint-weights-and-capacities --endpoint-name <endpoint> --desired-weights-and-capacities VariantName=<variant>,DesiredInstanceCount=4
scene in-service
+ aws sagemaker update-endpoint --endpoint-name <stack>-<project> --endpoint-config-name <configuration>
scene in-service
+ sluice drill rollback <project>
+ sluice remove-endpoint <project> => sluice remove-endpoint "$project" --yes
+ sluice wake <project>
scene in-service

# --- deployed again as for an account, and removed
mkdir -p .aws-sam "$HOME/.aws"
ln -s "$root/.aws-sam/local-$version/build" .aws-sam/build
ln -s "$root/samconfig.toml" samconfig.toml
ln -s "$root/build" ../build  # which the template for a local cloud names from one folder deeper
printf '[profile dev]\nregion = eu-west-1\n[profile prod]\nregion = eu-west-1\n' > "$HOME/.aws/config"
+ .venv/bin/sam deploy --parameter-overrides AlertEmail=you@example.org MonthlyBudget=200 => .venv/bin/sam deploy --parameter-overrides AlertEmail=you@example.org MonthlyBudget=200 < <(yes)
+ AWS_PROFILE=dev .venv/bin/sam deploy --parameter-overrides AlertEmail=team@example.org => AWS_PROFILE=dev .venv/bin/sam deploy --parameter-overrides AlertEmail=team@example.org < <(yes)
+ AWS_PROFILE=prod .venv/bin/sam deploy --parameter-overrides AlertEmail=oncall@example.org MonthlyBudget=500 => AWS_PROFILE=prod .venv/bin/sam deploy --parameter-overrides AlertEmail=oncall@example.org MonthlyBudget=500 < <(yes)
+ sluice remove-project <project> => sluice remove-project "$project" --yes
+ sam delete --stack-name <stack>-chat => sam delete --stack-name "$stack-chat" < <(yes)
+ sam delete --stack-name <stack> => sam delete --stack-name "$stack" < <(yes)
+ sluice down

# --- what needs no cloud
+ PYTHONPATH=layers/core .venv/bin/python -m benchmarks.triage --list => (cd "$root" && PYTHONPATH=layers/core .venv/bin/python -m benchmarks.triage --list)
