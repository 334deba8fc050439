// SPDX-License-Identifier: Apache-2.0
// health: one word for how a mount is.
import { t } from '../../i18n';
import type { Mount } from '../../types';
import { Status } from '../../ui/controls';

export function MountHealth({ mount }: { mount: Mount }) {
  if (mount.mode === 'noAccess') return <Status state="off">{t('Closed')}</Status>;
  if (mount.health === 'failing') return <Status state="bad">{t('Failing')}</Status>;
  if (mount.mode === 'readOnly') return <Status state="off">{t('Read-only for now')}</Status>;
  if (mount.health === 'unknown') return <Status state="off">{t('Not used yet')}</Status>;
  return <Status state="ok">{t('Answers')}</Status>;
}
