// Several machines: workers over a database, people who hand tasks in and answer questions. Each worker reaches its LM Studio and
// the database over networks of its own.
import { eventually, makeWorld, sleep } from "../drill/world.mjs"
import { startPostgres } from "../drill/postgres.mjs"
import { handlesOf, isBelow, processesWith, signal, withoutHandles } from "./machine.mjs"
import { numbers, words } from "./schedule.mjs"
import { unrecorded } from "./stored.mjs"

const inDoubt = "whether it took effect is not known"
const workers = 3

export const kinds = {
  "an MCP server is killed": { often: 2 },
  "an MCP server stands still": { often: 2, longest: 5 },
  "LM Studio is killed": { often: 2, longest: 6 },
  "LM Studio stands still": { often: 1, longest: 6 },
  "LM Studio is cut off": { often: 2, longest: 10 },
  "a worker is killed": { often: 3 },
  "a worker is told to end": { often: 1 },
  "a worker stands still": { often: 2, longest: 9 },
  "a worker is cut off from the database": { often: 3, longest: 12 },
  "a worker's connections are forgotten": { often: 1 },
  "no handles are left": { often: 2, longest: 5 },
  "the database is killed": { often: 2, longest: 8 },
  "the disk of the database is full": { often: 2, longest: 6 },
  "a front is killed": { often: 2 }
}

export const missing = () => (process.getuid?.() === 0 ? [] : ["the disk of the database is full"])

export const make = async (seed, bin) => {
  const postgres = await startPostgres(bin, { size: "200m" })
  const world = await makeWorld(postgres, 60)
  const random = numbers(seed + 1)
  const env = {
    LMS_BRIDGE_MCP_IDLE: "1s",
    LMS_BRIDGE_BREAKER_OPEN_FOR: "2s",
    LMS_BRIDGE_FIRST_BYTE_TIMEOUT: "15s",
    LMS_BRIDGE_LOG_LEVEL: "error"
  }
  const state = { isOver: false, isPaused: false, front: undefined }
  let team = []
  const hire = async () => {
    const lmStudio = await world.simulator({ DRILL_LOAD_TIME: "500 millis" })
    for (;;) {
      try {
        return team.push(await world.worker({ links: true, env, lmStudio }))
      } catch {
        // the database was away
        if (state.isOver) throw new Error("no worker can be hired")
        await sleep(1000)
      }
    }
  }
  await Promise.all(Array.from({ length: workers }, hire))

  let count = 0
  const front = async () => {
    while (!state.isOver) {
      if (state.isPaused) {
        await sleep(200)
        continue
      }
      const tasks = Array.from({ length: 3 }, () => `[c${++count}] ${words(random).join(" ")}`)
      const file = world.file(`tasks-${count}.jsonl`, tasks.join("\n"))
      state.front = world.start("submit", file, "--mcp", "drill", "--caller", `caller${count % 4}`)
      await state.front.ended
      for (;;) {
        const open = await count1("select count(*) from lms_runs where state in ('new', 'queued')")
        if (open < 4 || state.isOver) break
        await sleep(500)
      }
    }
  }
  const rows = (statement) => postgres.rows(statement).catch(() => [])
  const count1 = async (statement) => Number((await rows(statement))[0]?.[0] ?? 99)
  /** Answers what is asked: no where it is in doubt. */
  const person = async () => {
    while (!(state.isOver && state.isDone)) {
      const waiting = await rows(`
        select r.run_id, e.event from lms_runs r join lms_run_events e on e.run_id = r.run_id and e.seq = r.asked
        where r.state = 'waiting' and not exists (select 1 from lms_answers a where a.run_id = r.run_id and a.asked = r.asked)
        limit 1`)
      for (const [runId, event] of waiting) {
        await world.cli("approve", runId, event.includes(inDoubt) ? "no" : "yes")
      }
      await sleep(waiting.length > 0 ? 100 : 700)
    }
  }
  const people = [front(), person()]

  const one = (all, whom) => all[Math.floor(whom * all.length)]
  const living = () => team.filter(({ child }) => child.exitCode === null && child.signalCode === null)
  const servers = () =>
    processesWith(world.effectsFile).filter(
      ({ args, pid }) => args.includes("server.mjs") && living().some(({ child }) => isBelow(pid, child.pid))
    )
  const stopFor = async (pid, seconds) => {
    signal(pid, "SIGSTOP")
    await sleep(seconds * 1000)
    signal(pid, "SIGCONT")
  }
  const replace = async (gone, name) => {
    await gone.kill(name)
    team = team.filter((other) => other !== gone)
    signal(gone.lmStudio.child.pid, "SIGKILL")
    await hire()
  }
  const withWorker = (body) => async (fault) => {
    const found = one(living(), fault.whom)
    if (found !== undefined) await body(found, fault)
  }
  const acts = {
    "an MCP server is killed": ({ whom }) => signal(one(servers(), whom)?.pid ?? 0x7ffffff, "SIGKILL"),
    "an MCP server stands still": async ({ seconds, whom }) => {
      const server = one(servers(), whom)
      if (server !== undefined) await stopFor(server.pid, seconds)
    },
    "LM Studio is killed": withWorker(async (worker, { seconds }) => {
      const { port } = new URL(worker.lmStudio.baseUrl)
      signal(worker.lmStudio.child.pid, "SIGKILL")
      await sleep(seconds * 1000)
      worker.lmStudio = await world.simulator({ DRILL_LOAD_TIME: "500 millis", DRILL_PORT: port })
    }),
    "LM Studio stands still": withWorker(({ lmStudio }, { seconds }) => stopFor(lmStudio.child.pid, seconds)),
    "LM Studio is cut off": withWorker(async ({ links }, { seconds }) => {
      links.lmStudio.cut()
      await sleep(seconds * 1000)
      links.lmStudio.mend()
    }),
    "a worker is killed": withWorker((worker) => replace(worker, "SIGKILL")),
    "a worker is told to end": withWorker((worker) => replace(worker, "SIGTERM")),
    "a worker stands still": withWorker(({ child }, { seconds }) => stopFor(child.pid, seconds)),
    "a worker is cut off from the database": withWorker(async ({ links }, { seconds }) => {
      links.database.cut()
      await sleep(seconds * 1000)
      links.database.mend()
    }),
    "a worker's connections are forgotten": withWorker(async ({ links }) => {
      links.database.cut()
      await sleep(500)
      links.database.forget()
    }),
    "no handles are left": withWorker(async ({ child }, { seconds }) => {
      const give = withoutHandles(child.pid)
      await sleep(seconds * 1000)
      give()
    }),
    "the database is killed": async ({ seconds }) => {
      await postgres.stop()
      await sleep(seconds * 1000)
      await postgres.start()
    },
    "the disk of the database is full": async ({ seconds }) => {
      postgres.disk?.fill()
      await sleep(seconds * 1000)
      postgres.disk?.empty()
      await postgres.start()
    },
    "a front is killed": () => void state.front?.kill("SIGKILL")
  }

  return {
    world,
    acts,
    /** The connections of a worker to the database come and go by themselves: two pools of eight at most. */
    most: { connections: 16 },
    close: async () => {
      await world.close()
      await postgres.close()
    },
    warm: async () => {
      await eventually("some runs end", () => world.effects().filter((line) => line.startsWith("end")).length > 8, 240)
    },
    finish: async () => {
      state.isOver = true
      await people[0]
      const open = "select run_id, state, worker, status, updated_at::time from lms_runs where state <> 'ended'"
      for (const until = Date.now() + 150_000; Date.now() < until && (await rows(open)).length > 0;) await sleep(1000)
      state.isDone = true
      await people[1]
      const begun = await postgres.rows("select event from lms_run_events where tag = 'ToolCallStarted'")
      const problems = [
        ...unrecorded(
          world.effects(),
          begun.map(([event]) => JSON.parse(event))
        ),
        ...(await postgres.rows(open)).map((row) => `not ended: ${row.join(" ")}`),
        ...(
          await postgres.rows("select run_id from lms_run_events group by run_id having max(pos) + 1 <> count(*)")
        ).map(([runId]) => `${runId} has a journal with gaps`),
        ...(
          await postgres.rows(`
            select r.run_id, r.status, e.event from lms_runs r join lms_run_events e on e.run_id = r.run_id and e.tag = 'RunFailed'
            where r.status <> 'done' and e.event not like '%"GivenUp"%'`)
        ).map((row) => `failed: ${row.join(" ").slice(0, 400)}`),
        ...(
          await postgres.rows(`
            select r.run_id from lms_runs r where not exists (
              select 1 from lms_run_events e where e.run_id = r.run_id and e.tag in ('RunFinished', 'RunFailed'))`)
        ).map(([runId]) => `${runId} has no end`)
      ]
      const [[runs]] = await postgres.rows("select count(*) from lms_runs")
      const statuses = await postgres.rows("select status, count(*) from lms_runs group by 1")
      const [[resumed]] = await postgres.rows(
        "select count(distinct run_id) from lms_run_events where tag = 'RunResumed' and pos > 1"
      )
      return {
        problems,
        runs: Number(runs),
        resumed: Number(resumed),
        statuses: statuses.map((row) => row.join(" ")).join(", ")
      }
    },
    holds: async () => {
      state.isPaused = true
      for (const until = Date.now() + 60_000; Date.now() < until;) {
        if ((await count1("select count(*) from lms_runs where state <> 'ended'")) === 0) break
        await sleep(500)
      }
      for (const until = Date.now() + 30_000; Date.now() < until && servers().length > 0;) await sleep(200)
      await sleep(12_000)
      state.isPaused = false
      return living().map(({ child, links }) => handlesOf(child.pid, links.database.port))
    },
    end: async () => {
      for (const worker of living()) worker.child.kill("SIGTERM")
      await Promise.all(living().map(({ ended }) => ended))
    }
  }
}
