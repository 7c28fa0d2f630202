// What became of an uploaded file: asked until the intake has judged it.

import { ask as question } from "../net.js";
import { projectAt, seg } from "../words.js";

export async function verdict(project, { key, version }) {
  for (;;) {
    const { data } = await question(`/api${projectAt(project, "verdict")}?key=${seg(key)}&version=${seg(version)}`);
    if (data.over) return data;
    await new Promise((done) => setTimeout(done, 700));
  }
}
