/** Watchdog always fires, to show that alerting works. An alert about a whole site has no instance, and counts for each. */
const MATCHERS = 'alertname!="Watchdog", instance=~"$instance|"';

/** What fires now on the chosen machines, one series an alert. */
export const FIRING = `ALERTS{alertstate="firing", ${MATCHERS}}`;

/** When each alert of {@link FIRING} began to hold, in seconds. */
export const FIRING_SINCE = `ALERTS_FOR_STATE{${MATCHERS}}`;

/** 0 where rules are loaded: Watchdog is one of them. */
export const RULES_LOADED = 'count(ALERTS{alertname="Watchdog"}) * 0';
