// What node is for.
import * as NodeContext from "@effect/platform-node/NodeContext"
import { isPublic } from "@lms-bridge/core/Images"
import * as http from "node:http"

export const all = [NodeContext, isPublic, http]
