// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What the virtual board of `make arm-test` lacks: a PWM chip, and distance sensors and a load cell for Linux IIO.
 *
 * Debian's kernel simulates neither. Its pwm-gpio is not built, and takes no line of gpio-sim ("sleeping GPIO not
 * supported", drivers/pwm/pwm-gpio.c). Here the kernel's PWM and IIO cores are the real ones, with their checks and their
 * sysfs; only what hangs on them is set and read through debugfs:
 *
 *   /sys/kernel/debug/bunri-board/pwm        every state the PWM core has applied: nanoseconds, channel, on, period, duty
 *   /sys/kernel/debug/bunri-board/distanceN  what sensor N measures, mm; 0: no echo, as drivers/iio/proximity/srf04.c has it
 *   /sys/kernel/debug/bunri-board/load       what the load cell's amplifier gives, as drivers/iio/adc/hx711.c has it
 */

#include <linux/debugfs.h>
#include <linux/iio/iio.h>
#include <linux/ktime.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/pwm.h>
#include <linux/seq_file.h>

#define CHANNELS 2
#define STATES 16384
#define SENSORS 4

struct applied {
	u64 at_ns;
	u32 channel;
	bool on;
	u64 period_ns;
	u64 duty_ns;
};

static struct dentry *folder;
static DEFINE_MUTEX(lock);
static struct applied log[STATES];
static size_t logged;
static struct pwm_state now[CHANNELS];
static u32 distance_mm[SENSORS];
static const char *const labels[SENSORS] = { "fill-clear-pet", "fill-can", "fill-paper", "fill-general" };
static u32 load;

static int board_pwm_apply(struct pwm_chip *chip, struct pwm_device *pwm, const struct pwm_state *state)
{
	guard(mutex)(&lock);
	now[pwm->hwpwm] = *state;
	if (logged < STATES)
		log[logged++] = (struct applied){ ktime_get_ns(), pwm->hwpwm, state->enabled, state->period, state->duty_cycle };
	return 0;
}

static int board_pwm_get_state(struct pwm_chip *chip, struct pwm_device *pwm, struct pwm_state *state)
{
	guard(mutex)(&lock);
	*state = now[pwm->hwpwm];
	return 0;
}

static const struct pwm_ops board_pwm_ops = {
	.apply = board_pwm_apply,
	.get_state = board_pwm_get_state,
};

static int pwm_show(struct seq_file *out, void *unused)
{
	guard(mutex)(&lock);
	for (size_t i = 0; i < logged; i++)
		seq_printf(out, "%llu %u %d %llu %llu\n", log[i].at_ns, log[i].channel, log[i].on, log[i].period_ns,
			   log[i].duty_ns);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pwm);

static int board_pwm_probe(struct platform_device *device)
{
	struct pwm_chip *chip = devm_pwmchip_alloc(&device->dev, CHANNELS, 0);

	if (IS_ERR(chip))
		return PTR_ERR(chip);
	chip->ops = &board_pwm_ops;
	return devm_pwmchip_add(&device->dev, chip);
}

static int board_distance_read(struct iio_dev *sensor, const struct iio_chan_spec *channel, int *value, int *part, long what)
{
	u32 mm = READ_ONCE(distance_mm[channel->address]);

	switch (what) {
	case IIO_CHAN_INFO_RAW:
		if (!mm)
			return -ETIMEDOUT;
		*value = mm;
		return IIO_VAL_INT;
	case IIO_CHAN_INFO_SCALE: /* the ABI's unit is the metre */
		*value = 0;
		*part = 1000;
		return IIO_VAL_INT_PLUS_MICRO;
	}
	return -EINVAL;
}

static int board_load_read(struct iio_dev *sensor, const struct iio_chan_spec *channel, int *value, int *part, long what)
{
	switch (what) {
	case IIO_CHAN_INFO_RAW:
		*value = READ_ONCE(load);
		return IIO_VAL_INT;
	case IIO_CHAN_INFO_SCALE: /* hx711 at 3.3 V and a gain of 128: 3.3 V / 128 / 2^24, in millivolts */
		*value = 0;
		*part = 1537;
		return IIO_VAL_INT_PLUS_NANO;
	}
	return -EINVAL;
}

static const struct iio_info board_distance_info = { .read_raw = board_distance_read };
static const struct iio_info board_load_info = { .read_raw = board_load_read };

static int board_iio(struct platform_device *device, const char *name, const char *label, const struct iio_info *info,
		     struct iio_chan_spec channel)
{
	struct iio_dev *sensor = devm_iio_device_alloc(&device->dev, sizeof(channel));
	struct iio_chan_spec *kept;

	if (!sensor)
		return -ENOMEM;
	kept = iio_priv(sensor);
	*kept = channel;
	kept->info_mask_separate = BIT(IIO_CHAN_INFO_RAW) | BIT(IIO_CHAN_INFO_SCALE);
	sensor->name = name;
	sensor->label = label;
	sensor->info = info;
	sensor->modes = INDIO_DIRECT_MODE;
	sensor->channels = kept;
	sensor->num_channels = 1;
	return devm_iio_device_register(&device->dev, sensor);
}

static int board_distance_probe(struct platform_device *device)
{
	return board_iio(device, "srf04", labels[device->id], &board_distance_info,
			 (struct iio_chan_spec){ .type = IIO_DISTANCE, .address = device->id });
}

static int board_load_probe(struct platform_device *device)
{
	return board_iio(device, "hx711", NULL, &board_load_info,
			 (struct iio_chan_spec){ .type = IIO_VOLTAGE, .indexed = 1, .channel = 0 });
}

static struct platform_driver pwm_driver = { .probe = board_pwm_probe, .driver.name = "bunri-pwm" };
static struct platform_driver distance_driver = { .probe = board_distance_probe, .driver.name = "bunri-distance" };
static struct platform_driver load_driver = { .probe = board_load_probe, .driver.name = "bunri-load" };
static struct platform_driver *const drivers[] = { &pwm_driver, &distance_driver, &load_driver };
static struct platform_device *devices[SENSORS + 2];

static void remove_all(size_t count)
{
	while (count--)
		platform_device_unregister(devices[count]);
	platform_unregister_drivers(drivers, ARRAY_SIZE(drivers));
	debugfs_remove_recursive(folder);
}

static int __init board_init(void)
{
	int failed = platform_register_drivers(drivers, ARRAY_SIZE(drivers));

	if (failed)
		return failed;
	folder = debugfs_create_dir("bunri-board", NULL);
	debugfs_create_file("pwm", 0444, folder, NULL, &pwm_fops);
	debugfs_create_u32("load", 0644, folder, &load);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		const char *name = i < SENSORS ? "bunri-distance" : i == SENSORS ? "bunri-pwm" : "bunri-load";
		char file[] = "distance0";

		if (i < SENSORS) {
			file[8] += i;
			debugfs_create_u32(file, 0644, folder, &distance_mm[i]);
		}
		devices[i] = platform_device_register_simple(name, i < SENSORS ? i : 0, NULL, 0);
		if (IS_ERR(devices[i])) {
			failed = PTR_ERR(devices[i]);
			remove_all(i);
			return failed;
		}
	}
	return 0;
}

static void __exit board_exit(void)
{
	remove_all(ARRAY_SIZE(devices));
}

module_init(board_init);
module_exit(board_exit);
MODULE_DESCRIPTION("PWM, distance sensors and a load cell for a virtual board");
MODULE_LICENSE("Dual MIT/GPL");
