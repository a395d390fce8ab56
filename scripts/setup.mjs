// `npm run setup`: installs and builds, or reports that there is nothing to do.
import { makeReady } from "./ready.mjs"
import { fail } from "./workspace.mjs"

const didSomething = await makeReady().catch((error) => fail(error.message))
if (!didSomething) console.error("setup: everything is up to date")
