// SPDX-License-Identifier: Apache-2.0

import type { Command } from '../command.ts'
import { alerts } from './alerts.ts'
import { auditExport } from './audit-export.ts'
import { auditFsck } from './audit-fsck.ts'
import { auditPage } from './audit-page.ts'
import { auditTiles } from './audit-tiles.ts'
import { auditVerify } from './audit-verify.ts'
import { baselineCheck, baselineCreate, baselineDiff, baselineShow } from './baseline.ts'
import { breakGlassAcknowledge, breakGlassList, breakGlassOpen } from './break-glass.ts'
import { producerCertificates, producerCertify, producerRevokeCertificate } from './certificate.ts'
import { compromise, compromiseShow, compromiseVerify } from './compromise.ts'
import { detectAnalyze } from './detect-analyze.ts'
import { detectCalibrate } from './detect-calibrate.ts'
import { detectExceptAdd, detectExceptList, detectExceptRemove } from './detect-except.ts'
import { detectFeedback } from './detect-feedback.ts'
import { detectSettings, detectSettingsSet } from './detect-settings.ts'
import { doctor } from './doctor.ts'
import { down } from './down.ts'
import { drillKeyCompromise, drillStrictSignature } from './drill.ts'
import { drillKeyTheft } from './drill-key-theft.ts'
import { drillList, drillShow, drillVerify } from './drill-reports.ts'
import { eraseSubject, eraseTenant } from './erase.ts'
import { events } from './events.ts'
import { groupGrant, groupList, groupRevoke } from './group.ts'
import { guardAllow, guardAllowances, guardDisallow, guardMode, guardResponses } from './guard.ts'
import { help } from './help.ts'
import { hostDiag, hostList, hostRevoke, hostShow } from './host.ts'
import {
  hostConfigAssign,
  hostConfigDiff,
  hostConfigGet,
  hostConfigHistory,
  hostConfigList,
  hostConfigRollback,
  hostConfigSet,
} from './host-config.ts'
import { hostInvite } from './host-invite.ts'
import { incidentList, incidentShow } from './incident.ts'
import { join } from './join.ts'
import { keysEvict, keysRewrap, keysRotate, keysStatus } from './keys.ts'
import { login } from './login.ts'
import { manifestApply, manifestCollect, manifestCreate, manifestShow, manifestVerify } from './manifest.ts'
import { manifestRootApply, manifestRootInit, manifestRootShow } from './manifest-root.ts'
import { manifestKey, manifestRootSign, manifestSign } from './manifest-sign.ts'
import { memberGrant, memberInvite, memberInvites, memberList, memberRevoke, memberUninvite } from './member.ts'
import { notifyAdd, notifyList, notifyRemove, notifyRotate, notifyTest } from './notify.ts'
import { personDisable, personEnable, personErase, personList, personSignOut } from './person.ts'
import {
  policyDelete,
  policyDisable,
  policyEnable,
  policyHistory,
  policyList,
  policyPut,
  policyShow,
  policyValidate,
} from './policy.ts'
import { policyDiff, policyDryRun } from './policy-compare.ts'
import { policyExample } from './policy-example.ts'
import { producerAdd, producerHalt, producerList, producerResume, producerShow } from './producer.ts'
import { quarantineList, quarantineRelease, quarantineShow } from './quarantine.ts'
import { quarantineReplay } from './quarantine-replay.ts'
import { quarantineStatus } from './quarantine-status.ts'
import { roleList, rolePut, roleRemove } from './role.ts'
import { rotateFinish, rotatePromote, rotateStart, rotateStatus } from './rotate.ts'
import { rulesExplain, rulesList } from './rules.ts'
import { rulesBacktest } from './rules-backtest.ts'
import { rulesExceptAdd, rulesExceptList, rulesExceptRemove } from './rules-except.ts'
import { rulesTest } from './rules-test.ts'
import { signingKeyAdd, signingKeyList, signingKeyRevoke, signingKeySetWindow, signingKeyShow } from './signing-key.ts'
import { signingProxy } from './signing-proxy.ts'
import { signingProxyKey } from './signing-proxy-key.ts'
import { signoff, signoffList, signoffShow, signoffVerify } from './signoff.ts'
import { status } from './status.ts'
import { strictOff, strictOn, strictStatus } from './strict.ts'
import {
  tenantAppoint,
  tenantCreate,
  tenantLimit,
  tenantList,
  tenantRename,
  tenantResume,
  tenantSuspend,
} from './tenant.ts'
import { tokenCreate, tokenList, tokenRevoke } from './token.ts'
import { up } from './up.ts'
import { version } from './version.ts'
import { watchApply } from './watch-apply.ts'
import { witnessAddLog } from './witness-add-log.ts'
import { witnessEvidence } from './witness-evidence.ts'
import { witnessInit } from './witness-init.ts'
import { witnessList } from './witness-list.ts'
import { witnessRun } from './witness-run.ts'
import { witnessStatus } from './witness-status.ts'

/** All commands, in the order of help. */
export const commandTable: readonly Command[] = [
  up,
  join,
  down,
  status,
  doctor,
  alerts,
  incidentList,
  incidentShow,
  events,
  auditExport,
  auditVerify,
  auditFsck,
  auditPage,
  auditTiles,
  baselineCreate,
  baselineCheck,
  baselineDiff,
  baselineShow,
  watchApply,
  login,
  hostList,
  hostShow,
  hostInvite,
  hostRevoke,
  hostDiag,
  hostConfigList,
  hostConfigGet,
  hostConfigSet,
  hostConfigAssign,
  hostConfigHistory,
  hostConfigDiff,
  hostConfigRollback,
  guardMode,
  guardResponses,
  guardAllow,
  guardAllowances,
  guardDisallow,
  tenantList,
  tenantCreate,
  tenantRename,
  tenantSuspend,
  tenantResume,
  tenantAppoint,
  tenantLimit,
  quarantineStatus,
  quarantineList,
  quarantineShow,
  quarantineReplay,
  quarantineRelease,
  strictStatus,
  strictOff,
  strictOn,
  drillList,
  drillStrictSignature,
  drillKeyCompromise,
  drillKeyTheft,
  drillShow,
  drillVerify,
  personList,
  personDisable,
  personEnable,
  personSignOut,
  personErase,
  memberInvite,
  memberInvites,
  memberUninvite,
  memberList,
  memberGrant,
  memberRevoke,
  groupList,
  groupGrant,
  groupRevoke,
  rulesList,
  rulesTest,
  rulesExplain,
  rulesBacktest,
  rulesExceptAdd,
  rulesExceptList,
  rulesExceptRemove,
  detectAnalyze,
  detectSettings,
  detectSettingsSet,
  detectExceptAdd,
  detectExceptList,
  detectExceptRemove,
  detectCalibrate,
  detectFeedback,
  policyList,
  policyExample,
  policyShow,
  policyValidate,
  policyDryRun,
  policyPut,
  policyDiff,
  policyHistory,
  policyEnable,
  policyDisable,
  policyDelete,
  roleList,
  rolePut,
  roleRemove,
  tokenList,
  tokenCreate,
  tokenRevoke,
  notifyList,
  notifyAdd,
  notifyTest,
  notifyRotate,
  notifyRemove,
  producerList,
  producerAdd,
  producerShow,
  producerCertify,
  producerCertificates,
  producerRevokeCertificate,
  producerHalt,
  producerResume,
  signingKeyList,
  signingKeyAdd,
  signingKeyShow,
  signingKeyRevoke,
  signingKeySetWindow,
  rotateStart,
  rotatePromote,
  rotateFinish,
  rotateStatus,
  compromise,
  compromiseShow,
  compromiseVerify,
  signoff,
  signoffList,
  signoffShow,
  signoffVerify,
  breakGlassOpen,
  breakGlassList,
  breakGlassAcknowledge,
  witnessInit,
  witnessAddLog,
  witnessRun,
  witnessStatus,
  witnessList,
  witnessEvidence,
  signingProxy,
  signingProxyKey,
  manifestKey,
  manifestRootInit,
  manifestRootSign,
  manifestRootShow,
  manifestRootApply,
  manifestCreate,
  manifestSign,
  manifestCollect,
  manifestVerify,
  manifestShow,
  manifestApply,
  keysStatus,
  keysRotate,
  keysRewrap,
  keysEvict,
  eraseSubject,
  eraseTenant,
  version,
  help,
]
