import { endDevice, readDevices } from "../../api/identity";
import type { Device } from "../../api/types";
import { toastFailure } from "../../app/failures";
import { useList } from "../../app/lists";
import { signOut } from "../../app/session";
import { toast } from "../../app/toasts";
import { Icon } from "../../components/Icon";
import { InfiniteList } from "../../components/InfiniteList";
import { PersonSkeleton } from "../../components/states";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { describeUserAgent } from "./userAgent";

const keyOf = (device: Device) => device.id;

function DeviceRow({ device, onEnd }: { device: Device; onEnd: () => void }) {
  const t = useText();
  const format = useFormat();
  const known = describeUserAgent(device.user_agent);
  const name = known?.name ?? t.settings.unknownDevice;
  return (
    <li className="device">
      <span className="device-icon">
        <Icon name={known?.phone ? "phone" : "desktop"} />
      </span>
      <div className="grow">
        <p className="name">
          {name} {device.current && <span className="badge strong">{t.settings.thisDevice}</span>}
        </p>
        <p className="fine">
          {t.settings.lastSeen(format.relative(device.last_used_at))} ·{" "}
          {t.settings.signedInAt(format.relative(device.created_at))}
          {device.address && ` · ${device.address}`}
        </p>
      </div>
      <button
        type="button"
        className="button small"
        aria-label={`${device.current ? t.action.signOut : t.settings.endDevice}: ${name}`}
        onClick={onEnd}
      >
        {device.current ? t.action.signOut : t.settings.endDevice}
      </button>
    </li>
  );
}

export function DeviceSettings() {
  const t = useText();
  const [state, list] = useList("devices", () => readDevices(), keyOf);
  const end = async (device: Device) => {
    try {
      if (device.current) return await signOut();
      await endDevice(device.id);
      list.update((items) => items.filter((one) => one.id !== device.id));
      toast(t.settings.deviceEnded);
    } catch (error) {
      toastFailure(error);
    }
  };
  return (
    <section className="panel" aria-labelledby="devices-title">
      <h2 id="devices-title">{t.settings.devices}</h2>
      <p className="fine">{t.settings.devicesText}</p>
      <ul className="devices">
        <InfiniteList
          state={state}
          list={list}
          keyOf={keyOf}
          skeleton={<PersonSkeleton />}
          empty={null}
        >
          {(device) => <DeviceRow device={device} onEnd={() => void end(device)} />}
        </InfiniteList>
      </ul>
    </section>
  );
}
