// `npm run drill -- thousand [--runs N]`: so many queued runs of ten callers, handed in one caller after the other, on four workers with
// two slots each; beside them one process that does the same with eight at a time. Prints what was measured, what the database
// wrote, and what that makes for 100 machines and 100,000 runs a day.
import { join } from "node:path"
import { journalsIn } from "../chaos/stored.mjs"
import { startSuite } from "../checks.mjs"
import { makeReady } from "../ready.mjs"
import { fail } from "../workspace.mjs"
import { programs, startPostgres } from "./postgres.mjs"
import { eventually, makeWorld, sleep } from "./world.mjs"

const at = process.argv.indexOf("--runs")
const runs = at === -1 ? 1000 : Number(process.argv[at + 1])
if (!Number.isInteger(runs) || runs < 20) fail("drill: --runs takes a whole number from 20")
const callers = 10
const workers = 4
const slots = 2
const models = ["qwen/qwen3-4b-2507", "openai/gpt-oss-20b"]
const millis = { load: 2000, reply: 50 }
const words = "look note"

const suite = startSuite("drill thousand")
const bin = await programs()
if (bin === undefined) process.exit(suite.skip("there is no PostgreSQL here"))
await makeReady().catch((error) => fail(error.message))
const postgres = await startPostgres(bin)
const world = await makeWorld(postgres, 900)
const close = async () => {
  await world.close()
  await postgres.close()
}
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void close().then(() => process.exit(1)))
const standIn = { DRILL_LOAD_TIME: `${millis.load} millis`, DRILL_DELAY: String(millis.reply) }
const number = async (statement) => Number((await postgres.rows(statement))[0][0])
const transactions = async () => {
  await postgres.rows("select pg_stat_clear_snapshot()")
  return number("select xact_commit + xact_rollback from pg_stat_database where datname = 'team'")
}
const line = (what, value) => console.log(`  ${what.padEnd(58)} ${value}`)
const share = (value) => `${(value * 100).toFixed(0)} %`

const residentOf = (actions) => actions.filter((action) => action === "already-loaded").length / actions.length

/** The most that any worker had under way at once, by the times in the journals. */
const mostAtOnce = (spans) => {
  const most = new Map()
  for (const worker of new Set(spans.map((span) => span.worker))) {
    const edges = spans
      .filter((span) => span.worker === worker)
      .flatMap(({ began, ended }) => [
        [began, 1],
        [ended, -1]
      ])
      .toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
    let now = 0
    for (const [, change] of edges) most.set(worker, Math.max(most.get(worker) ?? 0, (now += change)))
  }
  return Math.max(...most.values())
}

/**
 * How many runs of others began, at most, while a caller had none under way: the rule of turns. Whoever has none goes before
 * whoever has one, and among those the one whose turn was longest ago.
 */
const mostWaited = (spans) => {
  const inTurn = spans.toSorted((a, b) => a.began - b.began)
  const last = new Map()
  let most = 0
  for (const { began, caller, ended } of inTurn) {
    const free = last.get(caller) ?? 0
    const waited = inTurn.filter((other) => other.caller !== caller && other.began >= free && other.began < began)
    most = Math.max(most, waited.length)
    last.set(caller, Math.max(free, ended))
  }
  return most
}

/** While all callers wait: how many runs more the one with the most had than the one with the fewest, at most. */
const mostAhead = (spans) => {
  const count = new Map()
  let most = 0
  for (const { caller } of spans.toSorted((a, b) => a.began - b.began)) {
    count.set(caller, (count.get(caller) ?? 0) + 1)
    if ([...count.values()].some((n) => n >= runs / callers)) break
    const all = Array.from({ length: callers }, (_, index) => count.get(`caller${index}`) ?? 0)
    most = Math.max(most, Math.max(...all) - Math.min(...all))
  }
  return most
}

const alone = async (count) => {
  const lmStudio = await world.simulator(standIn)
  const bridge = await world.front("single", {
    lmStudio,
    env: {
      LMS_BRIDGE_DATABASE_URL: undefined,
      LMS_BRIDGE_LOG_LEVEL: "error",
      LMS_BRIDGE_MODEL_CONCURRENCY: String(workers * slots)
    }
  })
  let next = 0
  const one = async () => {
    while (next < count) {
      const model = models[next % models.length]
      const task = `[a${next++}] ${words}`
      let given = await bridge.call("autonomous_with_mcp", { mcp_name: "drill", task, model }, 120_000)
      // on a machine that is busy a run may last longer than a call of a tool waits
      for (let look = 0; look < 12 && given.status === "running"; look++) {
        given = await bridge.call("run_result", { run_id: given.runId, wait_seconds: 10 }, 30_000)
      }
      if (!given.text.includes("Done.")) throw new Error(given.text)
    }
  }
  await bridge.call("autonomous_with_mcp", { mcp_name: "drill", task: `[a] ${words}`, model: models[0] }, 120_000)
  const began = Date.now()
  await Promise.all(Array.from({ length: workers * slots }, one))
  const perSecond = count / ((Date.now() - began) / 1000)
  await bridge.close()
  lmStudio.child.kill()
  const actions = journalsIn(join(world.home("single"), "data", "runs")).flatMap(({ events }) =>
    events.flatMap((event) => (event._tag === "ModelReady" ? [event.ensured.action] : []))
  )
  return { perSecond, resident: residentOf(actions) }
}

try {
  const single = await alone(Math.min(runs, 200))
  const team = []
  for (let index = 0; index < workers; index++) {
    const lmStudio = await world.simulator(standIn)
    team.push(
      await world.worker({ slots, lmStudio, env: { LMS_BRIDGE_QUEUE_PATIENCE: "10s", LMS_BRIDGE_LOG_LEVEL: "error" } })
    )
  }
  await sleep(3000)
  const idleFrom = await transactions()
  await sleep(20_000)
  const idle = ((await transactions()) - idleFrom) / 20 / workers
  await postgres.rows("update lms_hosts set draining = true")
  await sleep(2500)

  const tasks = Array.from({ length: runs }, (_, index) =>
    JSON.stringify({
      task: `[t${index}] ${words}`,
      caller: `caller${Math.floor((index * callers) / runs)}`,
      model: models[index % models.length]
    })
  )
  const handing = Date.now()
  const { code, err } = await world.cli("submit", world.file("tasks.jsonl", tasks.join("\n")), "--mcp", "drill")
  if (code !== 0) throw new Error(err)
  const handedIn = (Date.now() - handing) / 1000
  await eventually(
    "all are queued",
    async () => (await number("select count(*) from lms_queue where not done")) === runs
  )
  const before = await transactions()
  await postgres.rows("update lms_hosts set draining = false")
  const began = Date.now()
  let connections = 0
  await eventually("all have ended", async () => {
    await sleep(1000)
    connections = Math.max(
      connections,
      await number("select count(*) from pg_stat_activity where application_name = 'lms-bridge'")
    )
    return (await number("select count(*) from lms_runs where state <> 'ended'")) === 0
  })
  const after = await transactions()
  const events = await postgres.rows(`
    select r.run_id, r.caller, r.worker, b.event::json ->> 'at', f.event::json ->> 'at', m.event::json -> 'ensured' ->> 'action'
    from lms_runs r join lms_run_events b on b.run_id = r.run_id and b.tag = 'RunResumed'
      join lms_run_events f on f.run_id = r.run_id and f.tag = 'RunFinished'
      join lms_run_events m on m.run_id = r.run_id and m.tag = 'ModelReady'`)
  const spans = events.map(([runId, caller, worker, from, to, action]) => ({
    runId,
    caller,
    worker,
    action,
    began: Number(from),
    ended: Number(to)
  }))
  const seconds = (Math.max(...spans.map(({ ended }) => ended)) - Math.min(...spans.map((span) => span.began))) / 1000
  const perRun = async (table) => (await number(`select count(*) from ${table}`)) / runs
  const rows = {}
  for (const table of ["lms_run_events", "lms_runs", "lms_queue", "cluster_messages", "cluster_replies"]) {
    rows[table] = await perRun(table)
  }
  const bytes = await number("select pg_database_size('team')")
  const effects = world.effects().filter((one) => one.startsWith("begin note t"))
  const atOnce = mostAtOnce(spans)
  const ahead = mostAhead(spans)
  const waited = mostWaited(spans)
  const resident = residentOf(spans.map(({ action }) => action))

  suite.record(
    `${runs} runs have ended, each change made once`,
    spans.length === runs && effects.length === runs && new Set(effects).size === runs
      ? undefined
      : `${spans.length} runs, ${effects.length} changes`
  )
  suite.record(`never more than ${slots} at once on a worker`, atOnce <= slots ? undefined : `${atOnce} at once`)
  // one of each other caller, and those that had been taken and had not begun
  const bar = callers - 1 + workers * slots
  suite.record(
    `a caller with nothing under way waits for at most ${bar} runs of others`,
    waited <= bar ? undefined : `one waited for ${waited}`
  )
  line("runs a second, 4 workers with 2 slots", (runs / seconds).toFixed(1))
  line("runs a second, one process with 8 at a time", single.perSecond.toFixed(1))
  line("most at once on a worker", atOnce)
  line("runs of others that a caller waited for, at most", waited)
  line("a caller was ahead of another by", ahead)
  line(
    "runs that found their model in memory",
    `${share(resident)} (${spans.length - Math.round(resident * spans.length)} loads)`
  )
  line("the same in one process", share(single.resident))
  line("handed in by one `submit`", `${(runs / handedIn).toFixed(0)} a second`)
  for (const [table, count] of Object.entries(rows)) line(`rows of ${table} for a run`, count.toFixed(2))
  line(
    "transactions for a run, from the queue to its end",
    ((after - before - (idle * workers * (Date.now() - began)) / 1000) / runs).toFixed(1)
  )
  line("transactions a second of an idle worker", idle.toFixed(2))
  line("connections of a worker", (connections / workers).toFixed(1))
  line("bytes of the database for a run", Math.round(bytes / runs))
  const day = 100_000
  console.log("for 100 machines with 4 slots and 100,000 runs a day:")
  line("rows of events a day", Math.round(rows.lms_run_events * day).toLocaleString("en"))
  line(
    "rows besides a day",
    Math.round(
      Object.entries(rows)
        .filter(([name]) => name !== "lms_run_events")
        .reduce((sum, [, count]) => sum + count, 0) * day
    ).toLocaleString("en")
  )
  line(
    "transactions a second: of runs, and of 100 idle workers",
    `${((((after - before) / runs) * day) / 86_400).toFixed(0)} and ${(idle * 100).toFixed(0)}`
  )
  line("connections", Math.round((connections / workers) * 100))
  for (const { kill } of team) kill("SIGKILL")
} finally {
  await close()
}
process.exit(suite.finish())
