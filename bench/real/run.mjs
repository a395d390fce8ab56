// `npm run real`: what real models do with the tasks of this folder, in lms-bridge and in other loops. Everything but Python
// and Node is set up in a folder of its own the first time (`home.mjs`).
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { inRoot, root } from "../../scripts/workspace.mjs"
import { startEngine, startMeter, sums } from "./engine.mjs"
import * as setUp from "./home.mjs"
import { lifeCycle } from "./lifeCycle.mjs"
import { agentsSdk } from "./loops/agentsSdk.mjs"
import { aiSdk } from "./loops/aiSdk.mjs"
import { bridge } from "./loops/bridge.mjs"
import { plain } from "./loops/plain.mjs"
import { entriesOf } from "./loops/servers.mjs"
import { merged, writePage } from "./page.mjs"
import { presets } from "./presets.mjs"
import { startPages } from "./servers/pages.mjs"
import { chosen, classes } from "./tasks/index.mjs"

const usage = `npm run real -- [options]

  --model NAME     one of ${Object.keys(setUp.models).join(", ")}, or a model of the engine at --engine; several with commas
  --tasks CHOICE   ids or classes with commas, or a number of tasks spread over all (default: all)
                   classes: ${classes.join("; ")}
  --loop NAMES     bridge, bridge:native, bridge:text, bridge:bound, plain, ai-sdk, agents-sdk (default: bridge)
  --times N        so many runs of each task (default: 1)
  --engine URL     a server of your own, LM Studio for one, in place of the engine that is set up here
  --context N      tokens of context for the engine (default: 4096)
  --out FILE       where the results go as JSON (default: results.json in the folder of the bench)
  --keep DIR       keep the requests, replies and recordings of each task there
  --page           write docs/real-models.md from these results
  --from FILES     write the page from result files with commas, and run nothing
  --life-cycle     instead of tasks: loads, unloads, failures and restarts on llama.cpp's router, with the built product;
                   --tasks chooses scenes by a part of their names, with commas
  --presets        instead of tasks: starts each preset from empty caches, with the built product, and makes one call
  --limit SECONDS  longest time for one task (default: 300)
`

const { values: options } = parseArgs({
  options: {
    model: { type: "string", default: "qwen2.5-coder-1.5b" },
    tasks: { type: "string" },
    loop: { type: "string", default: "bridge" },
    times: { type: "string", default: "1" },
    engine: { type: "string" },
    context: { type: "string", default: "4096" },
    out: { type: "string" },
    keep: { type: "string" },
    page: { type: "boolean", default: false },
    from: { type: "string" },
    limit: { type: "string", default: "300" },
    "life-cycle": { type: "boolean", default: false },
    presets: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})

const loops = {
  bridge: () => bridge(),
  "bridge:native": () => bridge({ form: "native" }),
  "bridge:text": () => bridge({ form: "text" }),
  "bridge:bound": () => bridge({ form: "bound" }),
  plain,
  "ai-sdk": aiSdk,
  "agents-sdk": agentsSdk
}

const solved = async (loop, task, { context, engine, home, keep, model, pages, time }) => {
  const place = mkdtempSync(join(tmpdir(), "lms-bridge-real-"))
  const folder = join(place, "files")
  const memoryFile = join(place, "memory.jsonl")
  mkdirSync(folder)
  for (const [name, text] of Object.entries(task.files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  if (task.memory.length > 0) writeFileSync(memoryFile, `${task.memory.join("\n")}\n`)
  const text = task.task.replaceAll("{folder}", folder).replaceAll("{url}", pages.url)
  const started = performance.now()
  const seconds = Number(options.limit)
  engine.take()
  let run
  try {
    const signal = AbortSignal.timeout(seconds * 1000)
    run = await loop.solve({
      baseUrl: engine.url,
      entries: entriesOf(task, { folder, memoryFile }),
      home,
      libraries: setUp.libraries.loaded,
      limits: { rounds: 10, seconds },
      model,
      place,
      schema: task.schema,
      signal,
      text,
      context
    })
  } catch (error) {
    run = {
      status: `error: ${String(error.message ?? error).slice(0, 300)}`,
      answer: "",
      rounds: 0,
      calls: 0,
      refused: 0
    }
  }
  const wallSeconds = (performance.now() - started) / 1000
  const exchanges = engine.take()
  const problem = task.check({ folder, memoryFile, answer: run.answer, structured: run.structured })
  const done = problem === undefined && (run.status === "done" || task.class !== "cannot be done")
  const { cassette, events, ...rest } = run
  const result = {
    loop: loop.name,
    model,
    task: task.id,
    class: task.class,
    time,
    ...rest,
    done,
    calledDoneButWrong: !done && run.status === "done",
    problem,
    ...sums(exchanges),
    wallSeconds
  }
  if (keep !== undefined) {
    const into = join(keep, loop.name.replaceAll(/\W+/g, "-"), `${task.id}-${time}`)
    mkdirSync(into, { recursive: true })
    writeFileSync(join(into, "exchanges.json"), JSON.stringify(exchanges, null, 1))
    writeFileSync(join(into, "result.json"), JSON.stringify(result, null, 1))
    if (cassette !== undefined)
      writeFileSync(join(into, "cassette.jsonl"), cassette.replaceAll(place, "/place").replaceAll(root, "/project"))
    if (events !== undefined)
      writeFileSync(join(into, "events.jsonl"), events.map((event) => JSON.stringify(event)).join("\n"))
  }
  rmSync(place, { recursive: true, force: true })
  return result
}

const line = ({
  calledDoneButWrong,
  calls,
  done,
  engineSeconds,
  loop,
  problem,
  read,
  reused,
  rounds,
  status,
  task,
  wallSeconds
}) =>
  `${done ? "done " : calledDoneButWrong ? "WRONG" : "not  "} ${loop} ${task}: ${rounds} rounds, ${calls} calls, ${read} read, ${reused} kept, ${engineSeconds.toFixed(1)} s of ${wallSeconds.toFixed(1)} s${done ? "" : ` (${status}; ${problem ?? "the run did not end as done"})`}`

const main = async () => {
  if (options.help) return void process.stdout.write(usage)
  if (options.from !== undefined) return page(merged(options.from.split(",")))
  if (options["life-cycle"]) {
    if (!(await lifeCycle(options.tasks))) process.exitCode = 1
    return
  }
  if (options.presets) return presets()
  const picked = options.loop.split(",").map((name) => {
    if (loops[name] === undefined) throw new Error(`no loop is called ${name}\n${usage}`)
    return loops[name]()
  })
  const tasks = chosen(options.tasks)
  await setUp.servers()
  if (picked.some(({ name }) => /SDK/.test(name))) setUp.libraries.loaded = await setUp.libraries()
  const home = mkdtempSync(join(tmpdir(), "lms-bridge-real-home-"))
  const pages = await startPages()
  const results = []
  const whole = { engine: options.engine ?? setUp.engineVersion, context: Number(options.context), results }
  const out = options.out ?? join(setUp.home, "results.json")
  mkdirSync(dirname(out), { recursive: true })
  try {
    for (const model of options.model.split(",")) {
      const own = options.engine === undefined
      const server = own
        ? await startEngine(await setUp.engine(), {
            file: await setUp.model(model),
            name: model,
            context: Number(options.context)
          })
        : { url: options.engine.replace(/\/$/, ""), stop: async () => {} }
      // an interrupted bench leaves no engine behind
      for (const signal of ["SIGINT", "SIGTERM"]) {
        process.once(signal, () => server.stop().finally(() => process.exit(130)))
      }
      const engine = await startMeter(server.url)
      try {
        for (let time = 1; time <= Number(options.times); time++) {
          for (const loop of picked) {
            for (const task of tasks) {
              const result = await solved(loop, task, {
                context: Number(options.context),
                engine,
                home,
                keep: options.keep,
                model,
                pages,
                time
              })
              results.push(result)
              // after each task, for a bench of hours that is ended early has said what it found
              writeFileSync(out, JSON.stringify(whole, null, 1))
              console.log(line(result))
            }
          }
        }
      } finally {
        engine.stop()
        await server.stop()
      }
    }
  } finally {
    pages.stop()
    rmSync(home, { recursive: true, force: true })
  }
  for (const { name } of picked) {
    const own = results.filter(({ loop }) => loop === name)
    const sum = (of) => own.reduce((total, result) => total + of(result), 0)
    console.log(
      `${name}: ${sum(({ done }) => Number(done))} of ${own.length} done, ${sum(({ calledDoneButWrong }) => Number(calledDoneButWrong))} called done but wrong, ${sum(({ rounds }) => rounds)} rounds, ${sum(({ read }) => read)} tokens read, ${sum(({ reused }) => reused)} reused, ${sum(({ written }) => written)} written, ${sum(({ engineSeconds }) => engineSeconds).toFixed(0)} engine seconds`
    )
  }
  if (options.page) page(whole)
}

const page = (whole) =>
  writePage(
    { ...whole, versions: setUp.npmVersions },
    inRoot("docs", "real-models.md"),
    inRoot("docs", "bench", "real-models.svg")
  )

await main()
