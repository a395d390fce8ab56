// `npm run real -- --life-cycle`: the scenes of a model's life on a real engine, llama.cpp's router, with the built product.
// Each scene is a person's commands; what the router itself says afterwards decides.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inRoot, run } from "../../scripts/workspace.mjs"
import { sleep } from "../measure.mjs"
import { freePort, startEngine } from "./engine.mjs"
import * as setUp from "./home.mjs"

const program = inRoot("packages", "cli", "dist", "lms-bridge.js")
const [a, b, broken] = ["smollm2-135m", "qwen2.5-coder-0.5b", "broken"]
const story = "Write a story about a lighthouse, as long as you can. No tools are needed."

/** Prints a line for each scene of the choice (parts of names, with commas); false when one of them failed. */
export const lifeCycle = async (choice = "") => {
  const picked = Object.entries(scenes).filter(([name]) => choice.split(",").some((part) => name.includes(part)))
  if (picked.length === 0) throw new Error(`no scene is called ${choice}; there are ${Object.keys(scenes).join("; ")}`)
  const place = mkdtempSync(join(tmpdir(), "lms-bridge-life-"))
  const models = join(place, "models")
  mkdirSync(models)
  for (const name of [a, b]) link(await setUp.model(name), join(models, `${name}.gguf`))
  writeFileSync(join(models, `${broken}.gguf`), "GGUF")
  const engine = await setUp.engine()
  let failed = 0
  try {
    for (const [name, { places = 1, scene }] of picked) {
      const started = performance.now()
      const home = mkdtempSync(join(place, "home-"))
      const router = await startRouter(engine, { models, places })
      const interrupted = () => void router.stop().finally(() => process.exit(130))
      for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, interrupted)
      const problem = await scene(person(router, home)).then(
        () => undefined,
        (error) => String(error?.message ?? error)
      )
      for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, interrupted)
      await router.stop()
      if (problem !== undefined) failed += 1
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      console.log(
        `${problem === undefined ? "ok    " : "failed"} ${name} (${seconds} s)${problem === undefined ? "" : `: ${problem}`}`
      )
    }
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
  console.log(`life cycle: ${picked.length - failed} of ${picked.length} scenes`)
  return failed === 0
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const scenes = {
  "a load is verified": {
    scene: async ({ ensure, expect, state }) => {
      const { ensured } = await ensure(a)
      expect(ensured.action, "loaded")
      expect(ensured.owner, "lms-bridge")
      expect(await state(a), "loaded")
      expect((await ensure(a)).ensured.action, "already-loaded")
      const { code, stderr } = await ensure(a, "--context-length", "65536")
      expect(code, 4)
      expect(/-c 65536/.test(stderr), true, stderr)
    }
  },
  "A B A B with room for one": {
    scene: async ({ ensure, expect, state }) => {
      await ensure(a)
      for (const [name, other] of [
        [b, a],
        [a, b],
        [b, a]
      ]) {
        const { ensured, stderr } = await ensure(name)
        expect(ensured?.action, "loaded", stderr)
        expect(ensured.pushedOut?.join(), other)
        expect([await state(name), await state(other)].join(), "loaded,unloaded")
      }
    }
  },
  "a file that cannot be loaded": {
    scene: async ({ bridge, ensure, expect }) => {
      const { code, stderr } = await ensure(broken)
      expect(code, 4)
      expect(/exit code 1/.test(stderr), true, stderr)
      const { stdout } = await bridge("models", "ls")
      expect(/broken .*failed \(exit code 1\)/.test(stdout), true, stdout)
    }
  },
  "the model's process is killed in a reply": {
    scene: async ({ atWork, begin, expect, kill }) => {
      const running = begin("run", story, "--model", a, "--timeout", "20 minutes")
      await atWork(a, running)
      await kill(a)
      const { code, stderr, stdout } = await running
      expect(code, 0, `${stderr}${stdout}`)
      expect(stdout.trim() === "", false, stderr)
    }
  },
  "the server is restarted in a run": {
    scene: async ({ atWork, begin, expect, restart }) => {
      const running = begin("run", story, "--model", a, "--timeout", "20 minutes")
      await atWork(a, running)
      await restart(5)
      const { code, stderr, stdout } = await running
      expect(code, 0, `${stderr}${stdout}`)
      expect(stdout.trim() === "", false, stderr)
    }
  },
  "a model that is idle for its limit is unloaded, the person's is left alone": {
    places: 2,
    scene: async ({ begin, bridge, byPerson, ensure, expect, state, until }) => {
      await byPerson(b)
      await ensure(a, "--ttl", "3 seconds")
      // a process of lms-bridge that lives: its clock ends what is idle
      const stop = new AbortController()
      const watching = begin.until(stop.signal, "models", "ps", "--watch")
      await until("it is unloaded", async () => (await state(a)) === "unloaded")
      stop.abort()
      await watching
      expect(await state(b), "loaded")
      const { code, stderr } = await bridge("models", "unload", b)
      expect(code, 1)
      expect(/--force/.test(stderr), true, stderr)
      expect(await state(b), "loaded")
    }
  },
  "a model of the person has the only place": {
    scene: async ({ byPerson, ensure, expect, state }) => {
      await byPerson(a)
      const { code, stderr } = await ensure(b)
      expect(code, 4)
      expect(/did not load/.test(stderr), true, stderr)
      expect([await state(a), await state(b)].join(), "loaded,unloaded")
    }
  }
}

const link = (from, to) => {
  try {
    symlinkSync(from, to)
  } catch {
    linkSync(from, to)
  }
}

/** The server can be ended and started again at the same address. */
const startRouter = async (engine, { models, places }) => {
  const port = await freePort()
  const start = () =>
    startEngine(engine, { args: ["--models-dir", models, "--models-max", String(places)], context: 2048, port })
  let server = await start()
  return {
    url: `http://127.0.0.1:${port}`,
    pid: () => server.child.pid,
    stop: () => server.stop(),
    restart: async (seconds) => {
      server.child.kill("SIGKILL")
      await once(server.child, "exit")
      await sleep(seconds * 1000)
      server = await start()
    }
  }
}

const person = (router, home) => {
  const env = {
    ...process.env,
    HOME: home,
    USERPROFILE: home,
    LMSTUDIO_BASE_URL: router.url,
    LMS_BRIDGE_DATA_DIR: join(home, "data"),
    LMS_BRIDGE_LMS_BINARY: "none"
  }
  const bridge = (...args) => run(process.execPath, [program, ...args], { env })
  const state = async (name) => {
    const { data } = await (await fetch(`${router.url}/models`)).json()
    return data.find(({ id }) => id === name)?.status.value
  }
  const until = async (what, holds, seconds = 600) => {
    const end = performance.now() + seconds * 1000
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`after ${seconds} s it is still not so that ${what}`)
      await sleep(200)
    }
  }
  return {
    bridge,
    state,
    until,
    begin: Object.assign(bridge, {
      until: async (signal, ...args) => {
        const child = spawn(process.execPath, [program, ...args], { env, stdio: "ignore" })
        signal.addEventListener("abort", () => child.kill("SIGINT"))
        await once(child, "exit")
      }
    }),
    ensure: async (name, ...args) => {
      const told = await bridge("models", "ensure", name, "--json", ...args)
      return { ...told, ensured: told.code === 0 ? JSON.parse(told.stdout) : undefined }
    },
    byPerson: async (name) => {
      await fetch(`${router.url}/models/load`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: name })
      })
      await until("the person's model is loaded", async () => (await state(name)) === "loaded")
    },
    atWork: async (name, running) => {
      const early = running.then(({ code, stderr }) => {
        throw new Error(`the run ended with ${code} before its reply: ${stderr.slice(-500)}`)
      })
      const seen = until("the model is at work", async () => {
        if ((await state(name)) !== "loaded") return false
        const slots = await (await fetch(`${router.url}/slots?model=${name}&autoload=false`)).json()
        return Array.isArray(slots) && slots.some(({ is_processing }) => is_processing)
      })
      await Promise.race([seen, early])
      early.catch(() => {})
    },
    kill: async (name) => {
      const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,args="])
      const [pid] =
        stdout
          .split("\n")
          .map((line) => line.trim().split(/\s+/))
          .find(([, parent, ...args]) => Number(parent) === router.pid() && args.includes(name)) ?? []
      if (pid === undefined) throw new Error(`no process of ${name} was found`)
      process.kill(Number(pid), "SIGKILL")
    },
    restart: router.restart,
    expect: (seen, wanted, said = "") => {
      if (seen !== wanted)
        throw new Error(
          `${JSON.stringify(seen)} in place of ${JSON.stringify(wanted)}${said === "" ? "" : `; ${said.trim().slice(-500)}`}`
        )
    }
  }
}
