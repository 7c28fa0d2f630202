// Reads [{definition, expressions}, ...] as JSON and writes, for each, what asl-validator and JSONata's own parser refuse.
"use strict";

const validate = require("asl-validator");
const jsonata = require("jsonata");

function problems({ definition, expressions }) {
  const found = [];
  for (const each of validate(definition).errors) {
    const where = each.instancePath || each.path || (each.stateNames || []).join("/");
    found.push([where, each["Error code"] + ": " + (each.message || each.Message || "refused")]);
  }
  for (const [where, expression] of expressions) {
    try {
      jsonata(expression);
    } catch (error) {
      found.push([where, "JSONATA: " + error.message]);
    }
  }
  return found;
}

const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(input.map(problems)));
