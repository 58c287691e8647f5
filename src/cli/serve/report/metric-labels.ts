/** The label values of our metrics, from the tables of the code that reports them. */
import { refusalCodes } from '../../../admission/bounds/refusals.ts'
import { type Outcome, outcomes } from '../../../admission/outcomes.ts'
import { waitReasons } from '../../../controller/decide/next-step.ts'
import { problemStates } from '../../../controller/report/report.ts'
import type { ControllerLabels } from '../../../telemetry/controller-metrics.ts'
import type { AdmissionLabels } from '../../../telemetry/metrics.ts'
import { kindLabel, workloadKinds } from '../../../workload/kinds.ts'

const kinds = workloadKinds.map(kindLabel)
const answersOf = (kind: string, answers: readonly Outcome[]) =>
  answers.map(({ outcome, reason }) => ({ kind, outcome, reason }))

export const admissionLabels: AdmissionLabels = {
  answers: [
    ...answersOf('Pod', outcomes.pods),
    ...kinds.flatMap((kind) => answersOf(kind, [...outcomes.workloads, ...outcomes.unlabelled])),
  ],
  refusals: refusalCodes,
}

export const controllerLabels: ControllerLabels = { kinds, waitReasons, problemStates }
